import { objectError, textError, type Answer } from './answer.js';
import type { SandboxCore } from './sandbox-core.js';
import { pick } from './seeded-chance.js';

const PROXY_ERRORS = [500, 502, 504, 520, 521, 522, 523, 524, 525, 526, 527];

/** Production's texts while a project or model is paused. */
export const PAUSE_TEXTS = ['Generation is paused due to high load', 'This model is paused'] as const;

/** The fault with which a proxy or a busy service answers a request instead of executing it, if any. */
export function transientFault(core: SandboxCore, of: 'create' | 'poll', who: string): Answer | undefined {
  const { misbehaviour, settings, tally } = core;
  const tooMany = (retryAfter: string, until: number): Answer => {
    tally.tooManyRequests += 1;
    core.retries.noteWait(who, until);
    return {
      kind: 'json',
      status: 429,
      body: { detail: 'Too many requests' },
      headers: { 'retry-after': retryAfter },
    };
  };
  const waitUntil = core.now() + settings.retryAfterSeconds * 1000;
  if (misbehaviour.plays(`${of}-429-seconds`)) return tooMany(String(settings.retryAfterSeconds), waitUntil);
  if (misbehaviour.plays(`${of}-429-date`)) {
    const wholeSecond = Math.ceil(waitUntil / 1000) * 1000;
    return tooMany(new Date(wholeSecond).toUTCString(), wholeSecond);
  }
  if (misbehaviour.plays(`${of}-html-error`)) {
    return { kind: 'html', status: pick(PROXY_ERRORS, misbehaviour.share(`${of}-html-status`)) };
  }
  if (misbehaviour.plays(`${of}-conflict`)) {
    const status = pick([408, 409, 425], misbehaviour.share(`${of}-conflict-status`));
    return status === 409 ? textError(409, 'Conflict') : { kind: 'empty', status };
  }
  if (misbehaviour.plays(`${of}-paused`)) {
    return objectError(503, pick(PAUSE_TEXTS, misbehaviour.share(`${of}-pause-text`)));
  }
  return undefined;
}

/** The answer of a configured outage; undefined if there is none. */
export function outageAnswer(core: SandboxCore, of: 'api' | 'images'): Answer | undefined {
  const outage = core.settings.outage[of];
  if (outage === 'none') return undefined;
  if (outage === 'drop') return { kind: 'drop' };
  if (outage === 'html502') return { kind: 'html', status: 502 };
  if (of === 'api') return textError(503, 'Service is paused');
  return { kind: 'xml', status: 503, code: 'SlowDown', message: 'Please reduce your request rate.' };
}
