import { z } from 'zod';

/** What a peer of a batch has to do: as JSON on the standard input of its process. */
export const PeerWork = z.object({
  apiUrl: z.string(),
  apiKey: z.string(),
  s3: z.object({
    endpoint: z.string(),
    region: z.string(),
    bucket: z.string(),
    accessKeyId: z.string(),
    secretAccessKey: z.string(),
  }),
  /** Of the images' keys. */
  prefix: z.string(),
  concurrency: z.number(),
  pollMs: z.number(),
  /** Made first, and not measured. */
  warmUp: z.array(z.string()),
  prompts: z.array(z.string()),
  /** For peers that use Temporal. */
  temporal: z.object({ address: z.string(), namespace: z.string() }).exactOptional(),
});
export type PeerWork = Readonly<z.output<typeof PeerWork>>;

/** What it took: as JSON on the standard output of its process. */
export const PeerResult = z.object({
  wallMs: z.number(),
  cpuMs: z.number(),
  peakBytes: z.number(),
  /** In the histories of all workflows. */
  events: z.number().exactOptional(),
});
export type PeerResult = Readonly<z.output<typeof PeerResult>>;

/** An image to make. */
export interface NamedPrompt {
  readonly prompt: string;
  readonly key: string;
}

/** The prompts with keys that no two peers share. */
function named(prompts: readonly string[], prefix: string): readonly NamedPrompt[] {
  return prompts.map((prompt, row) => ({ prompt, key: `${prefix}${prompt.split(' ')[0]}-${row}.png` }));
}

/** Makes all images, and measures how long that takes this process. */
export async function measured(
  { warmUp, prompts, prefix }: PeerWork,
  makeAll: (images: readonly NamedPrompt[]) => Promise<void>,
): Promise<PeerResult> {
  await makeAll(named(warmUp, prefix));
  const [cpu, started] = [process.cpuUsage(), performance.now()];
  await makeAll(named(prompts, prefix));
  const wallMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs, cpuMs: (user + system) / 1_000, peakBytes: process.resourceUsage().maxRSS * 1024 };
}
