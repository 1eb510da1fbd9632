import { existsSync } from 'node:fs';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { sandboxAccountId } from './bananahub/account-id.js';
import { isApiKey, readKeyFile } from './bananahub/api-key.js';
import type { AccountId } from './bananahub/client.js';
import type { PriceTable } from './domain/money/price-table.js';
import type { StackInfo } from './local/servers/stack-info.js';
import { partsOf, reading } from './config-parts.js';
import { UsageError } from './errors.js';
import { readNotices, type NoticeConfig } from './status/notices/notice-config.js';
import { readPrices } from './domain/money/price-config.js';
import { folderPath, isBucketName } from './storage/folder-name.js';
import type { S3ConnectionOptions } from './storage/s3/s3-client.js';
import { readWebhooks, type WebhookConfig } from './bananahub/webhooks/webhook-config.js';

/** The origin of a part's configuration: the environment, or the stack that is running in this folder. */
export type PartOrigin = 'environment' | 'stack';

export interface TemporalConfig {
  readonly origin: PartOrigin;
  readonly connection: NativeConnectionOptions;
  readonly address: string;
  readonly namespace: string;
  /** Temporal's web UI, if its URL is known. */
  readonly uiUrl?: string;
}

export interface BucketConfig {
  readonly origin: PartOrigin;
  readonly bucket: string;
  /** Empty, or ending with a slash. */
  readonly prefix: string;
  readonly s3: S3ConnectionOptions;
}

export interface ApiConfig {
  readonly origin: PartOrigin;
  readonly baseUrl: string;
  readonly apiKey: string;
  /** The file of the key, where it may be replaced. */
  readonly apiKeyFile?: string;
  /** Set if the base URL does not identify the account: a folder's sandbox has another port at every start. */
  readonly account?: AccountId;
  /** Lets image URLs lead to private networks even if the API itself is not in one. */
  readonly allowPrivateAddresses?: boolean;
}

/** The parts of the configuration that may be invalid. */
interface ConfigParts {
  readonly temporal: TemporalConfig | undefined;
  readonly bucket: BucketConfig | undefined;
  readonly api: ApiConfig | undefined;
  /** Lets images and redirected sheets lead to private networks. */
  readonly allowPrivateAddresses: boolean;
  /** Prices of images, from BANANA_PRICES. */
  readonly prices: PriceTable | undefined;
  /** Where the service reports the ends of jobs, from BANANA_WEBHOOK_URL. */
  readonly webhooks: WebhookConfig | undefined;
  /** Where to send notices of ends, holds and the like, from BANANA_NOTIFY_URL. */
  readonly notices: NoticeConfig | undefined;
}

export type ConfigPart = keyof ConfigParts;

/**
 * The configuration from the environment and the folder's own stack; a part that neither has is absent. Reading an
 * invalid part throws a UsageError: a command fails only because of parts that it needs.
 */
export interface Config extends ConfigParts {
  readonly taskQueue: string;
  /** The errors of invalid parts. */
  readonly problems: ReadonlyMap<ConfigPart, readonly string[]>;
}

/** The URL of BananaHub's API if BANANAHUB_BASE_URL is not set. */
export const DEFAULT_BASE_URL = 'https://bananahub.io/api/v1';

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a `.env` in the current folder into the environment; existing variables take precedence. */
export function loadDotEnv(cwd: string): void {
  const file = `${cwd}/.env`;
  if (existsSync(file)) process.loadEnvFile(file);
}

/** The configuration from the environment, completed from a running stack. Never throws: see `Config`. */
export function readConfig(environment: Environment, stack: StackInfo | undefined): Config {
  const allowPrivateAddresses = reading((problems) =>
    isTrue('BANANA_ALLOW_PRIVATE_ADDRESSES', environment, problems),
  );
  const api = reading((problems) => readApi(environment, stack, problems, allowPrivateAddresses.value));
  const readings = {
    temporal: reading((problems) => readTemporal(environment, stack, problems)),
    bucket: reading((problems) => readBucket(environment, stack, problems)),
    api: { ...api, problems: [...allowPrivateAddresses.problems, ...api.problems] },
    allowPrivateAddresses,
    prices: reading((problems) => readPrices(environment['BANANA_PRICES'], problems)),
    webhooks: reading((problems) => readWebhooks(environment, problems)),
    notices: reading((problems) => readNotices(environment, problems)),
  };
  const problems = new Map<ConfigPart, readonly string[]>();
  for (const part of CONFIG_PARTS) {
    if (readings[part].problems.length > 0) problems.set(part, readings[part].problems);
  }
  return Object.assign(partsOf<ConfigParts>(readings), {
    taskQueue: environment['BANANA_TASK_QUEUE'] || 'banana-batch',
    problems,
  });
}

const CONFIG_PARTS: readonly ConfigPart[] = [
  'temporal',
  'bucket',
  'api',
  'allowPrivateAddresses',
  'prices',
  'webhooks',
  'notices',
];

/** The errors of these parts, or of all; each once. */
export function configProblems(
  { problems }: Pick<Config, 'problems'>,
  parts: readonly ConfigPart[] = CONFIG_PARTS,
): readonly string[] {
  return [...new Set(parts.flatMap((part) => problems.get(part) ?? []))];
}

/** Throws one UsageError with the errors of all parts: for commands that need everything. */
export function requireSound(config: Config): void {
  const problems = configProblems(config);
  if (problems.length > 0) throw new UsageError(problems.join(' '));
}

/** The same without the invalid parts, for code that reports those itself. */
export function soundParts(config: Config): Config {
  const sound = (part: ConfigPart): boolean => !config.problems.has(part);
  return {
    taskQueue: config.taskQueue,
    problems: config.problems,
    temporal: sound('temporal') ? config.temporal : undefined,
    bucket: sound('bucket') ? config.bucket : undefined,
    api: sound('api') ? config.api : undefined,
    allowPrivateAddresses: sound('allowPrivateAddresses') && config.allowPrivateAddresses,
    prices: sound('prices') ? config.prices : undefined,
    webhooks: sound('webhooks') ? config.webhooks : undefined,
    notices: sound('notices') ? config.notices : undefined,
  };
}

function readTemporal(
  environment: Environment,
  stack: StackInfo | undefined,
  problems: string[],
): TemporalConfig | undefined {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) if (value) variables[name] = value;
  try {
    const { connectionOptions, namespace = 'default' } = loadClientConnectConfig({
      overrideEnvVars: variables,
    });
    const { address } = connectionOptions;
    if (address) return { origin: 'environment', connection: connectionOptions, address, namespace };
  } catch (error) {
    problems.push(
      `Temporal's configuration cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
    );
    return undefined;
  }
  if (!stack?.temporal) return undefined;
  const { address, namespace, uiUrl } = stack.temporal;
  return { origin: 'stack', connection: { address }, address, namespace, uiUrl };
}

function readBucket(
  environment: Environment,
  stack: StackInfo | undefined,
  problems: string[],
): BucketConfig | undefined {
  const prefix = prefixOf(environment['BANANA_PREFIX'], problems);
  const bucket = environment['BANANA_BUCKET'];
  if (bucket) {
    if (!isBucketName(bucket)) {
      problems.push(
        `BANANA_BUCKET "${bucket}" is not a valid bucket name: expected the name alone, 3 to 63 characters, without s3:// or a path.`,
      );
    }
    const endpoint = environment['AWS_ENDPOINT_URL_S3'] || environment['AWS_ENDPOINT_URL'];
    if (endpoint && !isBaseUrl(endpoint)) {
      const name = environment['AWS_ENDPOINT_URL_S3'] ? 'AWS_ENDPOINT_URL_S3' : 'AWS_ENDPOINT_URL';
      problems.push(`${name} must be an http(s) URL without user name, ?query and #fragment.`);
    }
    return { origin: 'environment', bucket, prefix, s3: endpoint ? { endpoint } : {} };
  }
  if (!stack?.s3) return undefined;
  const { endpoint, region, accessKeyId, secretAccessKey } = stack.s3;
  const s3 = { endpoint, region, credentials: { accessKeyId, secretAccessKey } };
  return { origin: 'stack', bucket: stack.s3.bucket, prefix, s3 };
}

function prefixOf(text: string | undefined, problems: string[]): string {
  const prefix = folderPath(text ?? '');
  if (prefix === undefined) {
    problems.push(`BANANA_PREFIX is "${text}": expected folder names separated by single slashes.`);
  }
  return prefix ?? '';
}

function readApi(
  environment: Environment,
  stack: StackInfo | undefined,
  problems: string[],
  allowPrivateAddresses: boolean,
): ApiConfig | undefined {
  const baseUrl = environment['BANANAHUB_BASE_URL'] || DEFAULT_BASE_URL;
  if (!isBaseUrl(baseUrl)) {
    problems.push(
      `BANANAHUB_BASE_URL must be an http(s) URL without user name, ?query and #fragment, such as ${DEFAULT_BASE_URL}.`,
    );
  }
  const apiKeyFile = environment['BANANAHUB_API_KEY_FILE'];
  if (apiKeyFile && environment['BANANAHUB_API_KEY']) {
    problems.push('BANANAHUB_API_KEY and BANANAHUB_API_KEY_FILE are both set: set one of them.');
  }
  const apiKey = apiKeyFile ? readKeyFile(apiKeyFile) : environment['BANANAHUB_API_KEY'];
  if (apiKeyFile && !apiKey) {
    problems.push(
      `BANANAHUB_API_KEY_FILE is ${apiKeyFile}, which cannot be read or does not contain exactly one key.`,
    );
  }
  if (apiKey && !isApiKey(apiKey)) {
    problems.push(
      'BANANAHUB_API_KEY contains a space or a non-ASCII character: copy the whole key again, without quotes.',
    );
  }
  if (apiKey) {
    const file = apiKeyFile ? { apiKeyFile } : {};
    return { origin: 'environment', baseUrl, apiKey, ...file, allowPrivateAddresses };
  }
  if (apiKeyFile) return undefined;
  return stack?.api
    ? { origin: 'stack', ...stack.api, account: sandboxAccountId(stack.api.apiKey), allowPrivateAddresses }
    : undefined;
}

function isTrue(name: string, environment: Environment, problems: string[]): boolean {
  const text = environment[name] || 'false';
  if (text !== 'true' && text !== 'false') problems.push(`${name} is "${text}": expected true or false.`);
  return text === 'true';
}

function isBaseUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username + password + search + hash === '';
}

const WAY_OUT = 'Or start local servers with "npx banana-batch dev" in this folder.';

const MISSING = {
  temporal:
    'No Temporal server is configured: set TEMPORAL_ADDRESS (and TEMPORAL_NAMESPACE, TEMPORAL_API_KEY where needed).',
  bucket:
    'No bucket is configured: set BANANA_BUCKET (and AWS credentials; AWS_ENDPOINT_URL_S3 for other S3 servers).',
  api: 'No API key is configured: set BANANAHUB_API_KEY or BANANAHUB_API_KEY_FILE.',
  webhooks:
    'No webhooks are configured: set BANANA_WEBHOOK_URL and BANANA_WEBHOOK_SECRET, the same on receivers and workers.',
} as const;

/** The parts that a command needs; throws one UsageError that lists all missing and invalid ones. */
export function requireParts<K extends keyof typeof MISSING>(
  config: Config,
  needed: readonly K[],
): { readonly [Part in K]: NonNullable<Config[Part]> } {
  const missing = needed.filter((part) => !config.problems.has(part) && config[part] === undefined);
  const texts = [...configProblems(config, needed), ...missing.map((part) => MISSING[part])];
  if (missing.length > 0) texts.push(WAY_OUT);
  if (texts.length > 0) throw new UsageError(texts.join(' '));
  const parts = Object.fromEntries(needed.map((part) => [part, config[part]]));
  return parts as { readonly [Part in K]: NonNullable<Config[Part]> };
}
