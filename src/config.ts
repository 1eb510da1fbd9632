import { existsSync } from 'node:fs';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { z } from 'zod';
import { sandboxAccountId } from './bananahub/account-id.js';
import type { AccountId } from './bananahub/client.js';
import { isAmount } from './domain/decimal.js';
import { MODELS, resolutionsFor, type Resolution } from './domain/generation-settings.js';
import type { PriceTable } from './domain/price-table.js';
import type { StackInfo } from './embedded/stack-info.js';
import { UsageError } from './errors.js';
import { readNotices, type NoticeConfig } from './notices/notice-config.js';
import { folderPath, isBucketName } from './storage/folder-name.js';
import type { S3ConnectionOptions } from './storage/s3-client.js';
import { readWebhooks, type WebhookConfig } from './webhooks/webhook-config.js';

/** Who named a part: the environment, or the stack that runs in this folder. */
export type PartOrigin = 'environment' | 'stack';

export interface TemporalConfig {
  readonly origin: PartOrigin;
  readonly connection: NativeConnectionOptions;
  readonly address: string;
  readonly namespace: string;
  /** Temporal's web UI, where its address is known. */
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
  /** Set where the base URL does not name the account: a folder's sandbox has another port at every start. */
  readonly account?: AccountId;
  /** Lets image URLs lead to private networks though the API itself is in none. */
  readonly allowPrivateAddresses?: boolean;
}

/** What the environment and the folder's own stack name; a part that neither names is absent. */
export interface Config {
  readonly temporal: TemporalConfig | undefined;
  readonly bucket: BucketConfig | undefined;
  readonly api: ApiConfig | undefined;
  /** Lets images and redirected sheets lead to private networks. */
  readonly allowPrivateAddresses: boolean;
  readonly taskQueue: string;
  /** What images cost, where BANANA_PRICES says it. */
  readonly prices: PriceTable | undefined;
  /** Where the service tells the ends of jobs, where BANANA_WEBHOOK_URL says it. */
  readonly webhooks: WebhookConfig | undefined;
  /** Who is told of ends, holds and the like, where BANANA_NOTIFY_URL says it. */
  readonly notices: NoticeConfig | undefined;
}

/** Where BananaHub's API is unless BANANAHUB_BASE_URL says otherwise. */
export const DEFAULT_BASE_URL = 'https://bananahub.io/api/v1';

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a `.env` beside the command into the environment; variables that are set already win. */
export function loadDotEnv(cwd: string): void {
  const file = `${cwd}/.env`;
  if (existsSync(file)) process.loadEnvFile(file);
}

/** The configuration by environment, completed from a running stack. Throws one UsageError with all problems. */
export function readConfig(environment: Environment, stack: StackInfo | undefined): Config {
  const problems: string[] = [];
  const allowPrivateAddresses = isTrue('BANANA_ALLOW_PRIVATE_ADDRESSES', environment, problems);
  const config = {
    allowPrivateAddresses,
    temporal: readTemporal(environment, stack, problems),
    bucket: readBucket(environment, stack, problems),
    api: readApi(environment, stack, problems, allowPrivateAddresses),
    taskQueue: environment['BANANA_TASK_QUEUE'] || 'banana-batch',
    prices: readPrices(environment['BANANA_PRICES'], problems),
    webhooks: readWebhooks(environment, problems),
    notices: readNotices(environment, problems),
  };
  if (problems.length > 0) throw new UsageError(problems.join(' '));
  return config;
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
        `BANANA_BUCKET is "${bucket}", which is no bucket's name: give the name alone, without s3:// or a path.`,
      );
    }
    const endpoint = environment['AWS_ENDPOINT_URL_S3'] || environment['AWS_ENDPOINT_URL'];
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
    problems.push(`BANANA_PREFIX is "${text}": folder names separated by single slashes were expected.`);
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
      `BANANAHUB_BASE_URL is not an http(s) URL without user, query and fragment, like ${DEFAULT_BASE_URL}.`,
    );
  }
  const apiKey = environment['BANANAHUB_API_KEY'];
  if (apiKey && !/^[\x21-\x7e]+$/.test(apiKey)) {
    problems.push(
      'BANANAHUB_API_KEY holds a space or a character outside ASCII: copy the key anew, without quotes and in full.',
    );
  }
  if (apiKey) return { origin: 'environment', baseUrl, apiKey, allowPrivateAddresses };
  return stack?.api
    ? { origin: 'stack', ...stack.api, account: sandboxAccountId(stack.api.apiKey), allowPrivateAddresses }
    : undefined;
}

function isTrue(name: string, environment: Environment, problems: string[]): boolean {
  const text = environment[name] || 'false';
  if (text !== 'true' && text !== 'false') problems.push(`${name} is "${text}": true or false was expected.`);
  return text === 'true';
}

function isBaseUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username + password + search + hash === '';
}

const Prices = z.record(z.string(), z.record(z.string(), z.unknown()));

function readPrices(text: string | undefined, problems: string[]): PriceTable | undefined {
  if (!text?.trim()) return undefined;
  const given = Prices.safeParse(jsonIn(text));
  if (!given.success) {
    problems.push('BANANA_PRICES is not JSON such as {"nb":{"1K":"0.02"},"pro":{"1K":"0.04","4K":"0.08"}}.');
    return undefined;
  }
  const unknown = Object.keys(given.data).filter((name) => !MODELS.some((model) => model === name));
  problems.push(
    ...unknown.map((name) => `BANANA_PRICES names "${name}", which is no model: ${MODELS.join(', ')} are.`),
  );
  return new Map(
    MODELS.map((model) => {
      const resolutions = resolutionsFor(model);
      const prices = new Map<Resolution, string>();
      for (const [name, price] of Object.entries(given.data[model] ?? {})) {
        const resolution = resolutions.find((known) => known === name);
        if (resolution === undefined) {
          problems.push(`BANANA_PRICES: ${model} makes ${resolutions.join(', ')}, and not "${name}".`);
        } else if (typeof price !== 'string' || !isAmount(price)) {
          problems.push(
            `BANANA_PRICES: the price of ${model} ${name} is ${JSON.stringify(price)}; expected a decimal in quotes, such as "0.04".`,
          );
        } else {
          prices.set(resolution, price);
        }
      }
      return [model, prices];
    }),
  );
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const WAY_OUT = 'Or start local servers with "npx banana-batch dev" in this folder.';

const MISSING = {
  temporal:
    'No Temporal server is configured: set TEMPORAL_ADDRESS (and TEMPORAL_NAMESPACE, TEMPORAL_API_KEY where needed).',
  bucket:
    'No bucket is configured: set BANANA_BUCKET (and AWS credentials; AWS_ENDPOINT_URL_S3 for other S3 servers).',
  api: 'No API key is configured: set BANANAHUB_API_KEY.',
  webhooks:
    'No webhooks are configured: set BANANA_WEBHOOK_URL and BANANA_WEBHOOK_SECRET, the same on receivers and workers.',
} as const;

/** The parts that a command needs; throws one UsageError that names all those that are missing. */
export function requireParts<K extends keyof typeof MISSING>(
  config: Config,
  needed: readonly K[],
): { readonly [Part in K]: NonNullable<Config[Part]> } {
  const missing = needed.filter((part) => config[part] === undefined);
  if (missing.length > 0) {
    throw new UsageError([...missing.map((part) => MISSING[part]), WAY_OUT].join(' '));
  }
  return config as { readonly [Part in K]: NonNullable<Config[Part]> };
}
