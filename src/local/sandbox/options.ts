import { z } from 'zod';
import { MODELS, MODES, RESOLUTIONS, type Model, type Resolution } from './contract.js';
import { MISBEHAVIOUR_NAMES, type MisbehaviourName } from './misbehaviour.js';
import { isAmount } from './jobs/ledger.js';

const rate = z.number().min(0).max(1);
const amount = z.string().refine(isAmount, 'expected digits with at most six decimals, such as "12.50"');
const milliseconds = z.number().min(0).max(2_147_483_647);
const misbehaviourName = z.enum(MISBEHAVIOUR_NAMES);
const outage = z.enum(['none', 'down503', 'html502', 'drop']);
const port = z.int().min(0).max(65_535);

const keyFields = z.strictObject({
  key: z.string().min(1),
  account: z.string().min(1).default('sandbox'),
  models: z.array(z.enum(MODELS)).default([...MODELS]),
  modes: z.array(z.enum(MODES)).default([...MODES]),
  revoked: z.boolean().default(false),
});

/** A bare string is a key of the account `sandbox` with all permissions. */
const keySchema = z.union([
  keyFields,
  z
    .string()
    .min(1)
    .transform((key) => keyFields.parse({ key })),
]);

/** An API key: its account, and its permissions. */
export type SandboxKey = z.output<typeof keyFields>;

const pricesSchema = z.partialRecord(z.enum(MODELS), z.partialRecord(z.enum(RESOLUTIONS), amount));

const settingsShape = {
  /** API keys. Default: one, `sandbox-key`, of the account `sandbox`, with all permissions. */
  keys: z.array(keySchema),
  /** Answers every request with a key, or with one of the listed keys, with 401. Default false. */
  keyRevoked: z.union([z.boolean(), z.array(z.string())]),
  /** Models whose creates are answered with 503. Default none. */
  pausedModels: z.array(z.enum(MODELS)),
  /** Outages of the API and of the image host. Default none. */
  outage: z.strictObject({ api: outage.optional(), images: outage.optional() }),
  /** Answers every poll with 404, whatever the job. Default false. */
  jobsMissing: z.boolean(),
  /** Rates 0–1 of single misbehaviours; others stay unchanged. Default 0. */
  rates: z.partialRecord(misbehaviourName, rate),
  /** Sets the rate of every misbehaviour; `rates` takes precedence. */
  everything: rate,
  /** Plays a misbehaviour at each of its next opportunities, this many times, whatever its rate. */
  next: z.partialRecord(misbehaviourName, z.int().min(0)),
  /** Time from create to end of a job, uniform between the two; a fifth of it queued. Default 2–6 s. */
  jobTimeMs: z
    .strictObject({ min: milliseconds, max: milliseconds })
    .refine(({ min, max }) => min <= max, 'min must not exceed max'),
  /** Number of jobs processed at a time, others are queued; null for no limit. Default null. */
  concurrency: z.int().min(1).nullable(),
  /** Prices by model and resolution, merged over the defaults. */
  prices: pricesSchema,
  /** Pads images to this many bytes; null for no padding. Default null. */
  imageBytes: z.int().min(0).max(100_000_000).nullable(),
  /** Draws nothing on images: they are blank, and take less CPU time. Default false. */
  blankImages: z.boolean(),
  /** How long an image URL is valid. Default 24 h. */
  urlTtlMs: z.number().min(0),
  /** Value of `Retry-After` in seconds. Default 1. */
  retryAfterSeconds: z.int().min(0).max(3600),
  /** Delay of the second half of a slow image. Default 3 s. */
  slowImageMs: milliseconds,
  /** Delay of a late webhook. Default 5 s. */
  webhookLateMs: milliseconds,
  /** The account's own webhook, used if a create has none; null for none. Default null. */
  webhookUrl: z.url({ protocol: /^https?$/ }).nullable(),
  /** Whether a replayed key is answered before the checks that lead to 503 and 402. Default true. */
  replayBeforeChecks: z.boolean(),
  /** Status for a key replayed with another body. Default 422. */
  replayMismatchStatus: z.union([z.literal(409), z.literal(422)]),
  /** Sets every account's balance, as a decimal string; reservations stay. Default at start 1000000.00. */
  balance: amount,
  /** The same for single accounts; takes precedence over `balance`. */
  balances: z.record(z.string(), amount),
} as const;

/** Settings that can be changed while the sandbox runs; absent ones stay. */
export const sandboxPatchSchema = z.strictObject(settingsShape).partial();
export type SandboxPatch = z.input<typeof sandboxPatchSchema>;
export type ParsedPatch = z.output<typeof sandboxPatchSchema>;

/** How to start a sandbox: every setting that can be changed later, and those that cannot. */
export const sandboxOptionsSchema = sandboxPatchSchema.extend({
  /** Address to listen on. Default 127.0.0.1. */
  host: z.string().min(1).optional(),
  /** Port of the API; 0 for any free one. Default 0. */
  port: port.optional(),
  /** Port of the image host; 0 for any free one. Default 0. */
  imagesPort: port.optional(),
  /** Origin of image URLs, if clients reach the image host under another one. */
  imagesOrigin: z.url({ protocol: /^https?$/ }).optional(),
  /** Determines job durations, failures and misbehaviours. Default `banana`. */
  seed: z.string().optional(),
  /** File that keeps jobs and balances between starts. Default: none. */
  stateFile: z.string().min(1).optional(),
});
export type SandboxOptions = z.input<typeof sandboxOptionsSchema>;

export type Prices = Readonly<Record<Model, Readonly<Record<Resolution, string>>>>;
export type OutageKind = z.output<typeof outage>;

/** Active settings. */
export interface Settings {
  readonly keys: readonly SandboxKey[];
  readonly keyRevoked: boolean | readonly string[];
  readonly pausedModels: readonly Model[];
  readonly outage: Readonly<Record<'api' | 'images', OutageKind>>;
  readonly jobsMissing: boolean;
  readonly rates: Readonly<Partial<Record<MisbehaviourName, number>>>;
  readonly jobTimeMs: Readonly<{ min: number; max: number }>;
  readonly concurrency: number | null;
  readonly prices: Prices;
  readonly imageBytes: number | null;
  readonly blankImages: boolean;
  readonly urlTtlMs: number;
  readonly retryAfterSeconds: number;
  readonly slowImageMs: number;
  readonly webhookLateMs: number;
  readonly webhookUrl: string | null;
  readonly replayBeforeChecks: boolean;
  readonly replayMismatchStatus: 409 | 422;
}

export const DEFAULT_BALANCE = '1000000.00';

/** A sandbox's default behaviour: the documented contract, without the observed differences. */
export const DEFAULT_SETTINGS: Settings = {
  keys: [keyFields.parse({ key: 'sandbox-key' })],
  keyRevoked: false,
  pausedModels: [],
  outage: { api: 'none', images: 'none' },
  jobsMissing: false,
  rates: {},
  jobTimeMs: { min: 2000, max: 6000 },
  concurrency: null,
  prices: {
    nb: { '1K': '0.02', '2K': '0.02', '4K': '0.02' },
    nb2: { '1K': '0.04', '2K': '0.06', '4K': '0.12' },
    pro: { '1K': '0.08', '2K': '0.12', '4K': '0.24' },
  },
  imageBytes: null,
  blankImages: false,
  urlTtlMs: 24 * 3_600_000,
  retryAfterSeconds: 1,
  slowImageMs: 3000,
  webhookLateMs: 5000,
  webhookUrl: null,
  replayBeforeChecks: true,
  replayMismatchStatus: 422,
};

/** The settings after a patch; absent ones stay. */
export function applyPatch(settings: Settings, patch: ParsedPatch): Settings {
  const everything = patch.everything;
  const rates =
    everything === undefined
      ? settings.rates
      : Object.fromEntries(MISBEHAVIOUR_NAMES.map((name) => [name, everything]));
  const { prices } = settings;
  const merge = (model: Model) => {
    const patched = patch.prices?.[model];
    return {
      '1K': patched?.['1K'] ?? prices[model]['1K'],
      '2K': patched?.['2K'] ?? prices[model]['2K'],
      '4K': patched?.['4K'] ?? prices[model]['4K'],
    };
  };
  return {
    keys: patch.keys ?? settings.keys,
    keyRevoked: patch.keyRevoked ?? settings.keyRevoked,
    pausedModels: patch.pausedModels ?? settings.pausedModels,
    outage: {
      api: patch.outage?.api ?? settings.outage.api,
      images: patch.outage?.images ?? settings.outage.images,
    },
    jobsMissing: patch.jobsMissing ?? settings.jobsMissing,
    rates: { ...rates, ...patch.rates },
    jobTimeMs: patch.jobTimeMs ?? settings.jobTimeMs,
    concurrency: patch.concurrency === undefined ? settings.concurrency : patch.concurrency,
    prices: { nb: merge('nb'), nb2: merge('nb2'), pro: merge('pro') },
    imageBytes: patch.imageBytes === undefined ? settings.imageBytes : patch.imageBytes,
    blankImages: patch.blankImages ?? settings.blankImages,
    urlTtlMs: patch.urlTtlMs ?? settings.urlTtlMs,
    retryAfterSeconds: patch.retryAfterSeconds ?? settings.retryAfterSeconds,
    slowImageMs: patch.slowImageMs ?? settings.slowImageMs,
    webhookLateMs: patch.webhookLateMs ?? settings.webhookLateMs,
    webhookUrl: patch.webhookUrl === undefined ? settings.webhookUrl : patch.webhookUrl,
    replayBeforeChecks: patch.replayBeforeChecks ?? settings.replayBeforeChecks,
    replayMismatchStatus: patch.replayMismatchStatus ?? settings.replayMismatchStatus,
  };
}
