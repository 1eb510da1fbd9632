import type { BucketConfig } from '../../../config.js';
import { proxySecrets } from '../../../network/proxy-for.js';
import type { NoticeConfig } from '../../../status/notices/notice-config.js';
import type { WebhookConfig } from '../../../bananahub/webhooks/webhook-config.js';

/** Shorter secrets could be ordinary words, which must stay readable in errors. */
const SHORTEST = 8;

/** Secrets to remove from the service's texts, besides the API key: those of the bucket, proxies, webhooks and notices. */
export function knownSecrets(
  {
    bucket,
    webhooks,
    notices,
  }: {
    readonly bucket: BucketConfig;
    readonly webhooks?: WebhookConfig | undefined;
    readonly notices?: NoticeConfig | undefined;
  },
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const { credentials } = bucket.s3;
  return [
    typeof credentials === 'object' ? credentials.secretAccessKey : undefined,
    environment['AWS_SECRET_ACCESS_KEY'],
    environment['AWS_SESSION_TOKEN'],
    ...proxySecrets(environment),
    ...(webhooks?.secrets ?? []),
    ...(notices?.keys ?? []).map((key) => key.toString('base64')),
  ].flatMap((secret) => (secret !== undefined && secret.length >= SHORTEST ? [secret] : []));
}
