/*
 * The process that keeps a folder's servers, including the sandbox inside it, running while commands use them.
 * Started by the first of these, in its own session, so that a terminal's Ctrl-C reaches only the commands. Its
 * argument is the folder, and it reports over its IPC channel whether it listens.
 */
import { EmbeddedError } from '../servers/embedded-error.js';
import { startKeeper, type StackKeeper } from './keeper.js';
import { faultOf, type StartReport } from './keeper-protocol.js';

/** Time for the last messages to reach the users. */
const FLUSH_MS = 1_000;

const [cwd = ''] = process.argv.slice(2);

async function report(message: StartReport): Promise<void> {
  if (!process.connected) return;
  // The command that started this process may have ended by now.
  await new Promise<void>((resolve) => process.send?.(message, () => resolve()));
  if (process.connected) process.disconnect();
}

async function keep(keeper: StackKeeper): Promise<void> {
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${error.stack ?? error.message}\n`);
    keeper.fail(error);
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => keeper.stop());
  await report({ kind: 'listening' });
  await keeper.ended;
  setTimeout(() => process.exit(), FLUSH_MS).unref();
}

process.on('disconnect', () => undefined);
try {
  await keep(await startKeeper(cwd));
} catch (error) {
  const isTaken = error instanceof EmbeddedError && error.code === 'stack-running';
  await report(isTaken ? { kind: 'taken' } : { kind: 'failed', fault: faultOf(error) });
}
