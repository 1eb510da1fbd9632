import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runScript, say } from './setup-error.mjs';

const compiled = fileURLToPath(new URL('../dist/workflows/index.js', import.meta.url));
const bundle = fileURLToPath(new URL('../dist/workflow-bundle.js', import.meta.url));

/** Makes dist/workflow-bundle.js of the compiled workflows, so that a worker starts without webpack. */
await runScript(async () => {
  if (!existsSync(compiled)) {
    say('There are no workflows to bundle yet (src/workflows/index.ts).');
    return;
  }
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const { code } = await bundleWorkflowCode({ workflowsPath: compiled, logger: new DefaultLogger('WARN') });
  await writeFile(`${bundle}.new`, code);
  await rename(`${bundle}.new`, bundle);
});
