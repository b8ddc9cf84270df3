// stratum-proxy between a miner and a pool.
// node stratum-proxy.js PORT POOL_HOST POOL_PORT USER
const [port, host, poolPort, user] = process.argv.slice(2);
const account = { user, password: "x" };
require("stratum-proxy").controller.create({
  target: { host, port: +poolPort, ...account },
  server: { port: +port, ...account },
});
