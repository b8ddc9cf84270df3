// What the script of a web page says to its WebSocket, in the words of Coinhive: auth, then two shares.
// node coinhive-browser.js URL SITE_KEY
const WebSocket = require("ws");

const [url, siteKey] = process.argv.slice(2);
const socket = new WebSocket(url, { origin: "http://shop.example" });
const say = (type, params) => socket.send(JSON.stringify({ type, params }));
const share = n => say("submit", { job_id: "job1", nonce: `0a0b0c0${n}`, result: "3b".repeat(32) });
let accepted = 0;

socket.on("open", () => say("auth", { site_key: siteKey, type: "anonymous", user: null, goal: 0 }));
socket.on("message", data => {
  const message = JSON.parse(data);
  if (message.type === "job" && message.params.job_id === "job1") share(1);
  if (message.type === "hash_accepted" && ++accepted < 2) share(2);
  if (accepted === 2) socket.close();
});
