import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { StackPorts } from './stack-data.js';

/** The API's stand-in, which runs within this process. */
export interface SandboxServer {
  readonly baseUrl: string;
  close(): Promise<void>;
}

/** Starts the API's stand-in; its jobs and balance are kept in `dataDir`. */
export async function startSandboxServer(options: {
  readonly dataDir: string;
  readonly ports: StackPorts;
  readonly apiKey: string;
}): Promise<SandboxServer> {
  const { dataDir, ports, apiKey } = options;
  await mkdir(dataDir, { recursive: true });
  // Only who asks for a sandbox pays for loading it.
  const { startSandbox } = await import('../sandbox/index.js');
  const sandbox = await startSandbox({
    keys: [{ key: apiKey }],
    port: ports.api,
    imagesPort: ports.images,
    stateFile: join(dataDir, 'state.json'),
  });
  return { baseUrl: sandbox.apiUrl, close: () => sandbox.close() };
}
