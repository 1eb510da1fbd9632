import { performContract } from './command.js';
import { parseArguments } from './options.js';

const parsed = parseArguments(process.argv.slice(2));
if (parsed.kind === 'text') {
  (parsed.code === 0 ? process.stdout : process.stderr).write(`${parsed.text}\n`);
  process.exitCode = parsed.code;
} else {
  const interrupted = new AbortController();
  // A second one ends this process at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  process.exitCode = await performContract(parsed.options, process, interrupted.signal);
}
