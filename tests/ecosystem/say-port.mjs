// Preloaded into a server that takes its port from PORT: with PORT=0 it says which one it got.
import { Server } from 'node:net';

const listen = Server.prototype.listen;
Server.prototype.listen = function (...args) {
  this.once('listening', () => console.error(`listening: http://127.0.0.1:${this.address().port}/mcp`));
  return listen.apply(this, args);
};
