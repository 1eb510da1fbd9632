import { main } from './cli.js';

// `npx tsx src/starter.ts SHEET` is `banana-batch submit SHEET`: starts a batch through Temporal and returns.
process.exitCode = await main(['submit', ...process.argv.slice(2)]);
