import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { EmbeddedError } from '../servers/embedded-error.js';
import { stackInfoSchema } from '../servers/stack-info.js';

/*
 * What a command and the keeper of a folder's servers say to each other, as lines of JSON over one loopback connection.
 * The connection itself is the use: the kernel closes it when the command's process ends, however it ends.
 */

/** The parts of a stack, in the order in which they are listed. */
export const PART_NAMES = ['temporal', 's3', 'sandbox'] as const;

export type PartName = (typeof PART_NAMES)[number];

/** An error, as it crosses from the keeper to its users: `code` of an EmbeddedError, `disk` of one of the file system. */
const faultSchema = z.object({
  message: z.string(),
  code: z.enum(['server-missing', 'server-failed', 'stack-running', 'stack-data-broken']),
  disk: z.object({ code: z.string(), syscall: z.string(), path: z.string().optional() }).optional(),
});

export type Fault = z.infer<typeof faultSchema>;

/** The first line of a user. */
export const requestSchema = z.object({
  /** From the private file that says where the keeper listens. */
  token: z.string(),
  pid: z.int(),
  parts: z.array(z.enum(PART_NAMES)),
  /** Whether it can run the worker of this folder; one user at a time is asked to. */
  worker: z.boolean(),
  /** Refused beside another user with this name. */
  single: z.string().optional(),
});

export type KeeperRequest = z.infer<typeof requestSchema>;

/** The lines of the keeper: `ready`, after `turn`, or `failed` first. */
export const newsSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready'), info: stackInfoSchema, serverPids: z.array(z.int()) }),
  z.object({ kind: z.literal('failed'), fault: faultSchema }),
  /** Of those who can run the worker: whether it is this one's turn, and whether others would take over. */
  z.object({ kind: z.literal('turn'), isOurs: z.boolean(), hasOthers: z.boolean() }),
  /** A server has ended by itself; the others follow. */
  z.object({ kind: z.literal('lost'), fault: faultSchema }),
  /** The servers have been stopped, and the keeper ends. */
  z.object({ kind: z.literal('ended') }),
]);

export type KeeperNews = z.infer<typeof newsSchema>;

/** What the keeper reports to the process that has started it: it listens, another keeper was faster, or why it cannot. */
export const startReportSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('listening') }),
  z.object({ kind: z.literal('taken') }),
  z.object({ kind: z.literal('failed'), fault: faultSchema }),
]);

export type StartReport = z.infer<typeof startReportSchema>;

/** Sends one line; a peer that is gone is noticed by the connection's end. */
export function sendLine(socket: Socket, message: KeeperRequest | KeeperNews): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** Calls `use` with every line, parsed; a line that is none of the protocol ends the connection. */
export function onLines<T>(socket: Socket, schema: z.ZodType<T>, use: (message: T) => void): void {
  createInterface({ input: socket }).on('line', (line) => {
    let message: T;
    try {
      message = schema.parse(JSON.parse(line));
    } catch {
      socket.destroy();
      return;
    }
    use(message);
  });
}

/** An error as a line can hold it. */
export function faultOf(error: unknown): Fault {
  const message = error instanceof Error ? error.message : String(error);
  const disk = diskOf(error);
  return {
    message,
    code: error instanceof EmbeddedError ? error.code : 'server-failed',
    ...(disk && { disk }),
  };
}

/** The error behind a fault, so that it reads the same on this side. */
export function errorOf({ message, code, disk }: Fault): Error {
  return disk ? Object.assign(new Error(message), disk) : new EmbeddedError(code, message);
}

function diskOf(error: unknown): Fault['disk'] {
  if (!(error instanceof Error) || error instanceof EmbeddedError) return undefined;
  const found = z
    .object({ code: z.string(), syscall: z.string(), path: z.string().optional() })
    .safeParse(error);
  return found.success ? found.data : diskOf(error.cause);
}
