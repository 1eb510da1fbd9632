import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { temporaryFolder } from '../temporary-folder.js';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const SDK = '@temporalio';
/** Tests run on Linux. */
const TARGETS =
  process.arch === 'arm64'
    ? { own: 'aarch64-unknown-linux-gnu', other: 'x86_64-unknown-linux-gnu' }
    : { own: 'x86_64-unknown-linux-gnu', other: 'aarch64-unknown-linux-gnu' };

/** What is wrong with the native core of Temporal's SDK. */
export type CoreFault = 'no-core' | 'other-architecture' | 'library-missing';

/** The built program with a native core that this machine cannot load, as in packages copied from another one. */
export interface ForeignProgram {
  readonly cli: string;
  remove(): Promise<void>;
}

export async function programWithCoreFault(fault: CoreFault): Promise<ForeignProgram> {
  const folder = await temporaryFolder();
  const packages = path.join(folder.path, 'node_modules');
  for (const name of ['dist', 'tools', 'package.json']) {
    await cp(path.join(ROOT, name), path.join(folder.path, name), { recursive: true });
  }
  const installed = path.join(ROOT, 'node_modules');
  await linkAll(installed, packages, [SDK]);
  // Node resolves packages from the target of a link: the module that loads the core must be next to it.
  await linkAll(path.join(installed, SDK), path.join(packages, SDK), ['worker', 'core-bridge']);
  await cp(path.join(installed, SDK, 'worker'), path.join(packages, SDK, 'worker'), { recursive: true });
  const bridge = path.join(installed, SDK, 'core-bridge');
  await linkAll(bridge, path.join(packages, SDK, 'core-bridge'), ['releases', 'index.js', 'common.js']);
  for (const file of ['index.js', 'common.js']) {
    await cp(path.join(bridge, file), path.join(packages, SDK, 'core-bridge', file));
  }
  const releases = path.join(bridge, 'releases');
  const core = await brokenCore(releases, fault);
  if (core) {
    const own = path.join(packages, SDK, 'core-bridge/releases', TARGETS.own);
    await mkdir(own, { recursive: true });
    await writeFile(path.join(own, 'index.node'), core);
  }
  return { cli: path.join(folder.path, 'dist/cli.js'), remove: () => folder.remove() };
}

async function linkAll(from: string, to: string, without: readonly string[]): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    if (!without.includes(name)) await symlink(path.join(from, name), path.join(to, name));
  }
}

async function brokenCore(releases: string, fault: CoreFault): Promise<Buffer | undefined> {
  const read = (name: string): Promise<Buffer> => readFile(path.join(releases, name, 'index.node'));
  switch (fault) {
    case 'no-core':
      return undefined;
    case 'other-architecture':
      return read(TARGETS.other);
    case 'library-missing': {
      // As on musl: the loader does not find a library that the core was linked with.
      const core = await read(TARGETS.own);
      const at = core.indexOf('libgcc_s.so.1\0');
      if (at < 0) throw new Error('The core names no libgcc_s.');
      core.write('libgxx_s.so.1', at);
      return core;
    }
  }
}
