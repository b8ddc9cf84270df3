// Lines on standard input as WebSocket messages and back, so that anything that speaks lines speaks WebSocket.
// node websocket-pipe.js URL [plain|deflate] [PROXY_HOST PROXY_PORT]
const http = require("http");
const readline = require("readline");
const WebSocket = require("ws");

const [url, deflate, proxyHost, proxyPort] = process.argv.slice(2);

const run = createConnection => {
  const perMessageDeflate = deflate === "deflate" ? { threshold: 0 } : false;
  const socket = new WebSocket(url, { perMessageDeflate, createConnection });
  socket.on("message", message => process.stdout.write(`${message}\n`));
  socket.on("close", () => process.exit(0));
  socket.on("open", () => {
    const lines = readline.createInterface({ input: process.stdin });
    lines.on("line", line => {
      // In two fragments, which the protocol allows anywhere.
      const middle = line.length >> 1;
      socket.send(line.slice(0, middle), { fin: false });
      socket.send(line.slice(middle), { fin: true });
    });
    lines.on("close", () => socket.close());
  });
};

if (proxyHost) {
  const { host } = new URL(url);
  const request = http.request({ host: proxyHost, port: +proxyPort, method: "CONNECT", path: host });
  request.on("connect", (response, connection) => run(() => connection));
  request.end();
} else {
  run();
}
