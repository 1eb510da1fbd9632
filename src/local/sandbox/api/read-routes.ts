import { authenticate } from './access.js';
import { textError, type Answer } from '../answer.js';
import type { ImageUrls } from '../images/image-urls.js';
import { jobJson } from '../jobs/job.js';
import { isPoisoned } from '../poison.js';
import { formatMicros } from '../jobs/ledger.js';
import type { SandboxCore } from '../sandbox-core.js';
import { pick } from '../seeded-chance.js';
import { outageAnswer, PAUSE_TEXTS, transientFault } from '../transient-fault.js';

/** Answers `GET /balance` for the key's account. */
export function answerBalance(core: SandboxCore, authorization: string | undefined): Answer {
  const outage = outageAnswer(core, 'api');
  if (outage !== undefined) return outage;
  const access = authenticate(core.settings, authorization);
  if ('refusal' in access) return access.refusal;
  core.jobs.settle(core.now());
  const { balance, reserved, available } = core.ledger.read(access.key.account);
  const body = {
    balance: formatMicros(balance),
    reserved: formatMicros(reserved),
    available: formatMicros(available),
  };
  return { kind: 'json', status: 200, body };
}

/** Answers `GET /jobs/{job_id}`; a job of another account is treated as unknown. */
export function answerJob(
  core: SandboxCore,
  imageUrls: ImageUrls,
  jobId: string,
  authorization: string | undefined,
): Answer {
  const who = `poll ${jobId}`;
  if (core.retries.isEarly(who, core.now())) core.tally.retriedTooEarly += 1;
  const fault = outageAnswer(core, 'api') ?? transientFault(core, 'poll', who);
  if (fault !== undefined) return fault;
  const access = authenticate(core.settings, authorization);
  if ('refusal' in access) return access.refusal;
  const job = core.jobs.find(jobId);
  const isKnown = job !== undefined && job.account === access.key.account && job.end.kind !== 'lost';
  if (!isKnown || core.settings.jobsMissing) return textError(404, 'Job not found');
  if (isPoisoned(job.prompt, 'poll-524')) return { kind: 'html', status: 524 };
  const { misbehaviour, settings } = core;
  const now = core.now();
  core.jobs.countPoll(jobId, now);
  const json = jobJson(job, now, () => imageUrls.make(jobId, now, settings.urlTtlMs));
  const reply = (changes: object = {}): Answer => ({
    kind: 'json',
    status: 200,
    body: { ...json, ...changes },
  });
  if (json.status === 'done') {
    if (!misbehaviour.plays('poll-no-result')) return reply();
    return reply({ result: misbehaviour.share('no-result-form') < 0.5 ? null : { image_url: '' } });
  }
  if (json.status === 'failed') return reply();
  if (misbehaviour.plays('poll-unknown-status')) {
    return reply({ status: pick(['post_processing', 'uploading'], misbehaviour.share('status-word')) });
  }
  if (misbehaviour.plays('poll-pause-notice')) {
    const field = pick(['error', 'message', 'detail'], misbehaviour.share('notice-field'));
    return reply({ [field]: pick(PAUSE_TEXTS, misbehaviour.share('notice-text')) });
  }
  return reply();
}
