/*
 * The process that keeps a folder's servers, and the sandbox within it, while commands use them. Started by the first of
 * them, and of a session of its own, so that a terminal's Ctrl-C is for the commands alone. It gets the folder as its
 * argument and reports over its IPC channel whether it listens.
 */
import { EmbeddedError } from '../servers/embedded-error.js';
import { startKeeper, type StackKeeper } from './keeper.js';
import { faultOf, type StartReport } from './keeper-protocol.js';

/** Time for what was written last to reach the users. */
const FLUSH_MS = 1_000;

const [cwd = ''] = process.argv.slice(2);

async function report(message: StartReport): Promise<void> {
  if (!process.connected) return;
  // The command that started this process may be gone by now.
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
