// The bridge of coin-hive-stratum without its donations.
// node coinhive-bridge.js PORT POOL_HOST POOL_PORT
const [port, host, poolPort] = process.argv.slice(2);
require("coin-hive-stratum")({ host, port: poolPort, pass: "x", log: false, donations: [] }).listen(+port);
