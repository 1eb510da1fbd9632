/*
 * A process that owns a server, for tests that kill it: starts the command given as arguments, prints the server's
 * pid, and waits.
 */
import { startChildServer } from '../../../src/local/servers/child-server.js';

const [logFile = '', program = '', ...args] = process.argv.slice(2);
const server = await startChildServer({
  name: 'A server',
  program,
  args,
  logFile,
  isReady: () => Promise.resolve(true),
});
process.stdout.write(`${String(server.pid)}\n`);
await server.exited;
