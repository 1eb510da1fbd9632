import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runScript } from './setup-error.mjs';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const chunks = join(dist, 'chunks');

/** Programs that are started often: a module read from a few large files loads in half the time of one from a thousand. */
const PROGRAMS = ['cli.js', 'local/keeper/keeper-main.js'];

/** Native code, and what shares state with it: loaded as they are installed. */
const INSTALLED = [
  '@temporalio/activity',
  '@temporalio/core-bridge',
  '@temporalio/worker',
  '@temporalio/workflow',
  '@napi-rs/image',
];

/** Bundled packages in CommonJS call it. */
const REQUIRE = `import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);`;

/** Lets each module find the files beside it where it was before it was bundled. */
const keepPlaces = {
  name: 'keep-places',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, async ({ path }) => {
      // The starter is a program of its own only where it was compiled.
      if (!path.startsWith(dist) || path === join(dist, 'starter.js')) return undefined;
      const place = JSON.stringify(`../${relative(dist, path)}`);
      const code = await readFile(path, 'utf8');
      return { contents: code.replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`) };
    });
  },
};

/** Bundles the compiled programs with the packages they use into dist/chunks, and has each program load its bundle. */
await runScript(async () => {
  const programs = PROGRAMS.filter((program) => existsSync(join(dist, program)));
  if (programs.length === 0) return;
  const { build } = await import('esbuild');
  await rm(chunks, { recursive: true, force: true });
  await build({
    entryPoints: programs.map((program) => join(dist, program)),
    outbase: dist,
    outdir: chunks,
    entryNames: '[name]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: INSTALLED,
    banner: { js: REQUIRE },
    plugins: [keepPlaces],
    logLevel: 'warning',
  });
  for (const program of programs) await writeFile(join(dist, program), loaderOf(program));
});

/** Where Node has a cache of compiled code (22.1), it is used. */
function loaderOf(program) {
  const up = '../'.repeat(program.split('/').length - 1) || './';
  const name = program.split('/').at(-1);
  return `#!/usr/bin/env node
import module from 'node:module';
module.enableCompileCache?.();
${program === 'cli.js' ? 'export const { main, buildProgram } = ' : ''}await import('${up}chunks/${name}');
`;
}
