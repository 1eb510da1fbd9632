import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { SetupError } from './setup-error.mjs';

const children = new Set();

/** Stops all running commands. */
export function endCommands() {
  for (const child of children) child.kill('SIGTERM');
}

/** Runs a command with its output on our stderr; throws unless it succeeds. */
export async function runCommand(what, command, args, options) {
  const code = await exitCodeOf(command, args, { stdio: ['ignore', 2, 2], ...options });
  if (code !== 0)
    throw new SetupError(`${what} failed (\`${command} ${args.join(' ')}\` exited with code ${code}).`);
}

/** The exit code of a command, or the name of the signal that ended it. */
export async function exitCodeOf(command, args, options) {
  const child = spawn(command, args, options);
  children.add(child);
  try {
    const [code, signal] = await once(child, 'exit');
    return code ?? signal;
  } finally {
    children.delete(child);
  }
}
