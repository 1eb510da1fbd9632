import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import getPort, { clearLockedPorts } from 'get-port';
import { z } from 'zod';
import { EmbeddedError } from './embedded-error.js';
import { claimPort } from './port-claims.js';
import { createPrivateFile, readTextIfAny, replacePrivateFile } from './private-file.js';

const secretsSchema = z
  .object({
    s3: z.object({ accessKeyId: z.string().min(1), secretAccessKey: z.string().min(8) }).readonly(),
    sandboxApiKey: z.string().min(1),
  })
  .readonly();

/** The keys of one folder's servers; generated at the first start, kept for all later ones. */
export type StackSecrets = z.infer<typeof secretsSchema>;

const port = z.int().min(1).max(65_535);
const portsSchema = z
  .object({ temporal: port, temporalUi: port, s3: port, api: port, images: port })
  .readonly();

/** Where one folder's servers listen. */
export type StackPorts = z.infer<typeof portsSchema>;

const FIRST_CHOICE: StackPorts = { temporal: 7233, temporalUi: 8233, s3: 7070, api: 7071, images: 7072 };

/** Creates the folder, inaccessible to other users and ignored by version control. */
export async function prepareFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, '.gitignore'), '*\n');
}

/**
 * The folder's keys, generated if there are none.
 * @throws EmbeddedError `stack-data-broken` if the file is invalid.
 */
export async function loadSecrets(folder: string): Promise<StackSecrets> {
  const file = join(folder, 'secrets.json');
  const fresh: StackSecrets = {
    s3: {
      accessKeyId: randomBytes(10).toString('hex'),
      secretAccessKey: randomBytes(30).toString('base64url'),
    },
    sandboxApiKey: `sandbox-${randomBytes(16).toString('hex')}`,
  };
  await createPrivateFile(file, toJson(fresh));
  const text = await readTextIfAny(file);
  try {
    return secretsSchema.parse(JSON.parse(text ?? ''));
  } catch {
    // The reason would quote the file, and with it the keys.
    throw new EmbeddedError(
      'stack-data-broken',
      `${file} is not the JSON written at the first start. Restore it, or delete it to create new keys; stored images stay readable.`,
    );
  }
}

/**
 * Free ports for the requested listeners, the same as at the last start if possible: bookmarks of the web UI stay
 * valid, and so does the sandbox's origin, by which a batch recognises its account. The others keep theirs.
 */
export async function choosePorts(
  folder: string,
  wanted: ReadonlySet<keyof StackPorts>,
): Promise<StackPorts> {
  const file = join(folder, 'ports.json');
  const last = parsePorts(await readTextIfAny(file)) ?? FIRST_CHOICE;
  // A port that this process chose before may be free again, and is preferred.
  clearLockedPorts();
  const choose = async (listener: keyof StackPorts): Promise<number> =>
    wanted.has(listener) ? freePort(last[listener]) : last[listener];
  const ports: StackPorts = {
    temporal: await choose('temporal'),
    temporalUi: await choose('temporalUi'),
    s3: await choose('s3'),
    api: await choose('api'),
    images: await choose('images'),
  };
  await replacePrivateFile(file, toJson(ports));
  return ports;
}

/** A free port that no other folder is about to use; the preferred one if possible. */
async function freePort(preferred: number): Promise<number> {
  const others: number[] = [];
  for (;;) {
    const found = await getPort({ port: preferred, exclude: others });
    if (await claimPort(found)) return found;
    others.push(found);
  }
}

function parsePorts(text: string | undefined): StackPorts | undefined {
  try {
    return portsSchema.parse(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
