// A session of stratum-client: subscribe, authorize, two shares, or one when that is not accepted.
// node stratum-client.js HOST PORT WORKER
const [server, port, worker] = process.argv.slice(2);
let accepted = 0;

const client = require("stratum-client")({
  server,
  port: +port,
  worker,
  password: "x",
  autoReconnectOnError: false,
  onAuthorizeSuccess: () => share(1),
  onSubmitWorkSuccess: () => (++accepted < 2 ? share(2) : client.client.end()),
  onSubmitWorkFail: () => client.client.end(),
  onError: error => console.error(error),
  onAuthorizeFail: () => process.exit(1),
});
const share = n =>
  client.submit({ worker_name: worker, job_id: "job1", extranonce2: "00000001", ntime: "6553f100", nonce: `0a0b0c0${n}` });
