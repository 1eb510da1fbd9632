import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { temporaryFolder } from '../temporary-folder.js';

const ROOT = join(import.meta.dirname, '../../..');

/** Replaces `npm`: makes a node_modules that matches the lock, with a compiler that only records its call. */
const NPM = `
fs.rmSync('node_modules', { recursive: true, force: true });
fs.mkdirSync('node_modules/typescript/bin', { recursive: true });
fs.writeFileSync('node_modules/typescript/bin/tsc', "require('fs').mkdirSync('dist', { recursive: true });");
fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
`;

/** Replaces `go`: writes the requested programs, or does what FAKE_GO says. */
const GO = `
if (process.argv[2] === 'env') {
  console.log((process.env.FAKE_GO_VERSION ?? 'go1.26.8') + '\\n' + (process.env.FAKE_GO_TOOLCHAIN ?? 'auto'));
  process.exit();
}
const folder = process.argv[process.argv.indexOf('-o') + 1];
const names = process.argv.slice(process.argv.indexOf('-o') + 2).map((source) => source.split('/').at(-1));
for (const name of names) fs.writeFileSync(folder + name, '#!/bin/sh\\n', { mode: 0o755 });
if (process.env.FAKE_GO === 'fail') {
  console.error('cannot find module providing package');
  process.exit(1);
}
if (process.env.FAKE_GO === 'hang') setInterval(() => {}, 1000);
`;

export interface SetupRun {
  readonly exitCode: number | null;
  readonly stderr: string;
}

/** A checkout in a temporary folder, with a fake `npm` and, if requested, a fake `go`. */
export interface FakeCheckout {
  readonly root: string;
  /** The scripts' environment: PATH has only the fakes. */
  readonly env: Readonly<Record<string, string>>;
  /** Starts `node scripts/setup.mjs` with these additional variables. */
  begin(env?: Readonly<Record<string, string>>): { finished: Promise<SetupRun>; interrupt(): void };
  setup(env?: Readonly<Record<string, string>>): Promise<SetupRun>;
  /** Adds a program to PATH. */
  addProgram(name: string, script: string): Promise<void>;
  /** The `npm` and `go build` calls so far. */
  calls(): Promise<readonly string[]>;
  remove(): Promise<void>;
}

export async function fakeCheckout({ withGo }: { withGo: boolean }): Promise<FakeCheckout> {
  const folder = await temporaryFolder();
  const root = join(folder.path, 'checkout');
  const bin = join(folder.path, 'bin');
  const callsFile = join(folder.path, 'calls');
  await Promise.all([mkdir(join(root, 'src'), { recursive: true }), mkdir(bin), writeFile(callsFile, '')]);
  const copied = [
    'scripts',
    'tools',
    'src/report/contact-sheet/page',
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
  ];
  for (const path of copied) {
    await cp(join(ROOT, path), join(root, path), { recursive: true });
  }
  await writeFile(join(root, 'src/index.ts'), 'export {};\n');
  await writeFile(
    join(root, 'package-lock.json'),
    JSON.stringify({ packages: { '': {}, a: { version: '1.0.0' } } }),
  );
  const addProgram = async (name: string, script: string): Promise<void> => {
    await writeFile(join(bin, name), script);
    await chmod(join(bin, name), 0o755);
  };
  const record = (name: string) =>
    `#!${process.execPath}\nconst fs = require('node:fs');\n` +
    `if (process.argv[2] !== 'env') fs.appendFileSync(${JSON.stringify(callsFile)}, '${name} ' + process.argv[2] + '\\n');\n`;
  await addProgram('npm', record('npm') + NPM);
  if (withGo) await addProgram('go', record('go') + GO);

  const env = { PATH: bin, HOME: folder.path, XDG_CACHE_HOME: join(folder.path, 'cache') };
  const begin: FakeCheckout['begin'] = (more = {}) => {
    const child = spawn(process.execPath, [join(root, 'scripts/setup.mjs')], {
      cwd: root,
      env: { ...env, ...more },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const finish = async (): Promise<SetupRun> => {
      const [stderr] = await Promise.all([text(child.stderr), once(child, 'exit')]);
      return { exitCode: child.exitCode, stderr };
    };
    return { finished: finish(), interrupt: () => child.kill('SIGTERM') };
  };
  return {
    root,
    env,
    begin,
    setup: (more) => begin(more).finished,
    addProgram,
    calls: async () => (await readFile(callsFile, 'utf8')).split('\n').filter((line) => line !== ''),
    remove: () => folder.remove(),
  };
}
