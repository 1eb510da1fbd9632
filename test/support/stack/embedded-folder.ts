import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import getPort from 'get-port';
import { z } from 'zod';
import { runInProcess } from '../commands/command-in-process.js';
import {
  runCommand,
  startCommand,
  type CommandResult,
  type RunningCommand,
} from '../commands/command-line.js';
import { eventually } from '../eventually.js';
import { processesOfFolder } from './processes-of-folder.js';
import { temporaryFolder } from '../temporary-folder.js';

const EXAMPLES = path.resolve(import.meta.dirname, '../../../examples');

const JournalLine = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('job'),
    job: z.object({ id: z.string(), prompt: z.string(), idempotencyKey: z.string() }),
  }),
  z.looseObject({ kind: z.literal('balance') }),
]);

/** A job that the folder's sandbox has made. */
export type SandboxJob = Extract<z.output<typeof JournalLine>, { kind: 'job' }>['job'];

/** A folder in which nothing is configured: commands start all that they need in it. */
export interface EmbeddedFolder {
  readonly path: string;
  copyExample(name: string): Promise<void>;
  write(name: string, text: string): Promise<void>;
  /** Runs a command to its end; it is killed, with code null, after `withinMs`. */
  run(args: readonly string[], withinMs?: number): Promise<CommandResult>;
  /** Runs a command that starts no worker to its end in this process, without the second that loading it costs. */
  runHere(args: readonly string[]): Promise<CommandResult>;
  /** Starts a command and waits until it has written `ready`. */
  start(args: readonly string[], ready: string): Promise<RunningCommand>;
  /** The folder of a batch in the folder's bucket. */
  batch(batchId: string): string;
  /** The names of a batch's completely stored images. */
  images(batchId: string): Promise<readonly string[]>;
  /** The jobs bought, from the sandbox's state file. */
  jobs(): Promise<readonly SandboxJob[]>;
  /** Resolves when no process runs in the folder; throws, naming them, if one does after `withinMs` (default 3 s). */
  hasNoProcess(withinMs?: number): Promise<void>;
  /** Ends what a failed test has left running, and removes the folder. */
  remove(): Promise<void>;
}

export async function embeddedFolder(): Promise<EmbeddedFolder> {
  const folder = await temporaryFolder();
  const started: RunningCommand[] = [];
  const inFolder = (...parts: readonly string[]): string => path.join(folder.path, ...parts);
  const batch = (batchId: string): string => inFolder('.banana-batch/s3/banana-batch', batchId);
  const hasNoProcess = async (withinMs = 3_000): Promise<void> => {
    let left: readonly string[] = [];
    const isEmpty = (): boolean => (left = processesOfFolder(folder.path)).length === 0;
    await eventually(isEmpty, { what: 'the folder has no process', withinMs }).catch((cause: unknown) => {
      throw new Error(`Still running after ${withinMs} ms:\n${left.join('\n')}`, { cause });
    });
  };
  /** Ports that no other new folder prefers: two that start at the same moment would try the same ones. */
  const preferOwnPorts = async (): Promise<void> => {
    const file = inFolder('.banana-batch/ports.json');
    if (existsSync(file)) return;
    const ports: Record<string, number> = {};
    for (const name of ['temporal', 'temporalUi', 's3', 'api', 'images']) ports[name] = await getPort();
    await mkdir(path.dirname(file), { recursive: true });
    // Commands that begin together: the first one's are kept.
    await writeFile(file, JSON.stringify(ports), { flag: 'wx' }).catch(() => undefined);
  };
  return {
    path: folder.path,
    copyExample: (name) => copyFile(path.join(EXAMPLES, name), inFolder(name)),
    write: (name, text) => writeFile(inFolder(name), text),
    run: async (args, withinMs = 60_000) => {
      await preferOwnPorts();
      return runCommand(args, { cwd: folder.path, withinMs });
    },
    runHere: (args) => runInProcess(args, { cwd: folder.path, variables: {} }),
    start: async (args, ready) => {
      await preferOwnPorts();
      const command = await startCommand(args, { cwd: folder.path, ready });
      started.push(command);
      return command;
    },
    batch,
    images: async (batchId) => {
      const images = path.join(batch(batchId), 'images/train');
      if (!existsSync(images)) return [];
      return (await readdir(images)).filter((name) => name.endsWith('.png'));
    },
    jobs: async () => {
      const lines = (await readFile(inFolder('.banana-batch/sandbox/state.json'), 'utf8'))
        .trimEnd()
        .split('\n');
      return lines.flatMap((line) => {
        const parsed = JournalLine.parse(JSON.parse(line));
        return parsed.kind === 'job' ? [parsed.job] : [];
      });
    },
    hasNoProcess,
    remove: async () => {
      try {
        await Promise.all(started.map((command) => command.end('SIGKILL')));
        await hasNoProcess();
      } finally {
        await folder.remove();
      }
    },
  };
}
