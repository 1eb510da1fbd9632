/*
 * A process that uses a stack with Temporal and S3 in the folder given as argument, for tests that kill it: prints its
 * servers' pids as JSON, and waits.
 */
import { startStack } from '../../../src/local/keeper/stack.js';

const [cwd = ''] = process.argv.slice(2);
const stack = await startStack({ cwd, temporal: true, s3: true });
process.stdout.write(`${JSON.stringify(stack.serverPids)}\n`);
throw await stack.serverLost;
