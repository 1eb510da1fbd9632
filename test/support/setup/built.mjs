import { fileURLToPath } from 'node:url';
import { build, isBuilt } from '../../../scripts/build.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Makes dist/ of the sources as they are now, once before the tests that run it. */
export async function setup() {
  if (!isBuilt(root)) await build(root);
}
