// Lines of a pool as WebSocket messages, compressed whenever the client agrees.
// node websocket-bridge.js HOST PORT POOL_HOST POOL_PORT
const net = require("net");
const { WebSocketServer } = require("ws");

const [host, port, poolHost, poolPort] = process.argv.slice(2);
const server = new WebSocketServer({ host, port: +port, perMessageDeflate: { threshold: 0 } });
server.on("connection", socket => {
  const pool = net.connect(+poolPort, poolHost);
  let rest = "";
  pool.on("data", data => {
    const lines = (rest + data).split("\n");
    rest = lines.pop();
    for (const line of lines) socket.send(line);
  });
  socket.on("message", message => pool.write(`${message}\n`));
  socket.on("close", () => pool.end());
  pool.on("close", () => socket.close());
});
