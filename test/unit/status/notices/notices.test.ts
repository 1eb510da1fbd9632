import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import {
  watchBatch,
  type BatchObservation,
  type WatchMemory,
  type WatchNews,
} from '../../../../src/status/notices/batch-watch.js';
import type { BatchId } from '../../../../src/domain/rows/ids.js';
import { type NoticeEvent, noticeRetryMs } from '../../../../src/domain/batch/notice.js';
import type { ScheduleName } from '../../../../src/domain/batch/schedule-name.js';
import { EMPTY_TALLY, tallyOfPending, type Tally } from '../../../../src/domain/batch/tally.js';
import { receiverProblem } from '../../../../src/status/notices/known-receiver.js';
import { noticeBody, noticeOf } from '../../../../src/status/notices/notice-body.js';
import { readNotices } from '../../../../src/status/notices/notice-config.js';
import { signatureHeaders } from '../../../../src/status/notices/notice-sender.js';
import { noticeText } from '../../../../src/status/notices/notice-text.js';
import { reportedFailure } from '../../../../src/status/notices/reported-failure.js';

const AT = '2026-11-24T03:12:45.000Z';
const secretOf = (bytes = 32): string => `whsec_${randomBytes(bytes).toString('base64')}`;

const batch = {
  batchId: 'prompts' as BatchId,
  runSeq: 2,
  startedAt: '2026-11-24T01:00:00.000Z',
  address: 's3://bucket/a & <b>/prompts/',
};
const TALLY: Tally = {
  ...EMPTY_TALLY,
  total: 500,
  stored: 480,
  failed: 12,
  rejected: 8,
  failuresByKind: { refused: 10, flaky: 2 },
  generations: 510,
};
const ended = (end: 'completed' | 'cancelled' | 'failed', tally = TALLY): NoticeEvent => ({
  type: 'batch.ended',
  batch,
  end,
  tally,
});
const hold = { scope: 'account', code: 'insufficient-balance', message: 'Out of funds.', since: AT };

const problemsOf = (url?: string, secret?: string): string => {
  const problems: string[] = [];
  readNotices({ BANANA_NOTIFY_URL: url, BANANA_NOTIFY_SECRET: secret }, problems);
  return problems.join(' ');
};

describe('the configuration of notices', () => {
  it('is missing, or a URL with all signing secrets', () => {
    expect(readNotices({}, [])).toBeUndefined();
    const given = {
      BANANA_NOTIFY_URL: 'https://a.example/x?token=1',
      BANANA_NOTIFY_SECRET: `${secretOf()}, ${secretOf(24)}`,
    };
    expect(readNotices(given, [])?.keys.map(({ length }) => length)).toEqual([32, 24]);
    expect(problemsOf('http://receiver:8080/x', secretOf())).toBe('');
  });

  it.each([
    [
      'https://a.example/x',
      undefined,
      /BANANA_NOTIFY_URL also needs BANANA_NOTIFY_SECRET.*openssl rand -base64 32/,
    ],
    [undefined, secretOf(), /BANANA_NOTIFY_SECRET is set without BANANA_NOTIFY_URL/],
    ['http://a.example/x', secretOf(), /must be an https URL/],
    ['https://me:pass@a.example/x', secretOf(), /must be an https URL/],
    ['https://a.example/x#y', secretOf(), /must be an https URL/],
    ['https://a.example/x', randomBytes(32).toString('base64'), /must be "whsec_"/],
    ['https://a.example/x', secretOf(16), /must be "whsec_"/],
    ['https://a.example/x', secretOf(65), /must be "whsec_"/],
    ['https://a.example/x', `${secretOf()}!`, /must be "whsec_"/],
    ['https://a.example/x', `whsec_${Buffer.alloc(32).toString('base64')}`, /must be "whsec_"/],
    ['https://a.example/x', `${secretOf()},short`, /must be "whsec_"/],
    [
      'https://a.example/x',
      `v1,${secretOf()}`,
      /contains "v1,".*use only the part that begins with "whsec_"/,
    ],
    ['https://a.example/x', `${secretOf()},v1,${secretOf()}`, /contains "v1,"/],
    ['https://a.example/x', `whsk_${randomBytes(64).toString('base64')}`, /key pair's.*shared secret/],
  ])('is refused without showing URL or secret: %#', (url, secret, problem) => {
    const text = problemsOf(url, secret);
    expect(text).toMatch(problem);
    expect([url, secret].filter((given) => given !== undefined && text.includes(given))).toEqual([]);
  });
});

describe('an answer of status 200', () => {
  it.each([
    '{"ok":false,"error":"channel_not_found"}',
    '{"success":false}',
    '{"errcode":40035,"errmsg":"empty message"}',
    '{"code":19021,"msg":"sign match fail"}',
    '{"status":"error","message":"no"}',
    '{"error":{"message":"no"}}',
    '{"errors":["no"]}',
    'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429',
    'error: unknown channel',
    '"failed"',
  ])('reports a failure: %s', (body) => {
    const failure = reportedFailure(body);
    expect(failure).toMatch(/^the field "[a-z]+"$|^an error text$/);
  });

  it.each([
    '',
    'ok',
    '1',
    '<html>error</html>',
    '{"ok":true,"error":null}',
    '{"errcode":0,"errmsg":"ok"}',
    '{"code":200,"errors":[]}',
    '{"StatusCode":0,"status":"queued"}',
    '{"error":"","success":true}',
    '[{"ok":false}]',
    'null',
    '{"id":"error"',
  ])('reports none: %s', (body) => {
    expect(reportedFailure(body)).toBeUndefined();
  });
});

describe('a receiver', () => {
  it.each([
    ['https://discord.com/api/webhooks/1/token', /Discord.*Slack-compatible.*Append \/slack/],
    ['https://ptb.discord.com/api/webhooks/1/token/', /Discord/],
    ['https://contoso.webhook.office.com/webhookb2/1', /Teams.*Power Automate/],
  ])('that does not support notices is reported with advice: %s', (url, text) => {
    const found = receiverProblem(url);
    expect(`${found?.message} ${found?.advice}`).toMatch(text);
    expect(found?.message).not.toContain('token');
  });

  it.each([
    'https://discord.com/api/webhooks/1/token/slack',
    'https://hooks.slack.com/services/a/b',
    'https://discord.com.example/x',
  ])('that does is accepted: %s', (url) => {
    expect(receiverProblem(url)).toBeUndefined();
  });
});

describe('a notice', () => {
  it('is signed with every secret, as Standard Webhooks requires', () => {
    const secrets = [secretOf(24), secretOf(64)];
    const notice = noticeOf(ended('completed'), AT);
    const body = noticeBody(notice);
    const keys = secrets.map((secret) => Buffer.from(secret.replace('whsec_', ''), 'base64'));
    const headers = signatureHeaders({ id: notice.id, body, sentAtMs: Date.now() }, keys);
    for (const secret of secrets) {
      expect(new Webhook(secret).verify(body, headers)).toMatchObject({
        event: 'batch.ended',
        id: notice.id,
      });
      expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow('No matching signature');
    }
    expect(() => new Webhook(secretOf()).verify(body, headers)).toThrow('No matching signature');
  });

  const schedule = {
    schedule: 'nightly' as ScheduleName,
    address: 's3://bucket/_schedules/nightly/',
    firingAt: '2026-11-24T02:00:00.000Z',
    reason: 'Its last batch still runs.',
  };

  it('has one id per event, whatever its text', () => {
    const idOf = (event: NoticeEvent): string => noticeOf(event, AT).id;
    const held = (change: object = {}): NoticeEvent => ({
      type: 'batch.held',
      batch,
      hold: { ...hold, ...change },
    });
    expect(idOf(held({ message: 'In other words.' }))).toBe(idOf(held()));
    expect(idOf(ended('completed', EMPTY_TALLY))).toBe(idOf(ended('completed')));
    const ids = [
      held(),
      held({ since: batch.startedAt }),
      held({ scope: 'storage' }),
      ended('completed'),
      ended('failed'),
      { ...ended('completed'), batch: { ...batch, runSeq: 3 } } as const,
      { ...ended('completed'), batch: { ...batch, startedAt: AT } } as const,
      { type: 'schedule.firing-skipped', ...schedule } as const,
      { type: 'schedule.firing-skipped', ...schedule, address: 's3://other/_schedules/nightly/' } as const,
      { type: 'schedule.firing-failed', ...schedule, runId: 'first' } as const,
      { type: 'schedule.firing-failed', ...schedule, runId: 'made up for' } as const,
    ].map(idOf);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.join('')).not.toContain('.');
  });

  it.each<[NoticeEvent, string]>([
    [
      { ...ended('completed'), cost: '19.20' } as NoticeEvent,
      'Batch prompts is done: 480 of 500 rows have their images, 12 failed (10 refused, 2 flaky), 8 rejected (see rejects.csv). It cost 19.20. Contact sheet: s3://bucket/a &amp; &lt;b&gt;/prompts/contact-sheet.html Retry what may succeed (flaky): `banana-batch retry prompts`',
    ],
    [
      ended('completed', { ...EMPTY_TALLY, total: 3, stored: 3 }),
      'Batch prompts is done: 3 of 3 rows have their images. Contact sheet: s3://bucket/a &amp; &lt;b&gt;/prompts/contact-sheet.html',
    ],
    [
      ended('cancelled', EMPTY_TALLY),
      'Batch prompts was cancelled before its sheet was read: nothing was bought.',
    ],
    [
      ended('failed', tallyOfPending(9)),
      'Batch prompts was terminated or failed: 0 of 9 rows have their images, as far as recorded. Recorded rows are kept. Continue: `banana-batch retry prompts`',
    ],
    [
      { type: 'batch.held', batch, hold: { ...hold, message: '<!channel> & all' } },
      'Batch prompts is held (account) since 03:12 UTC: &lt;!channel&gt; &amp; all See: `banana-batch status prompts`',
    ],
    [
      { type: 'schedule.firing-skipped', ...schedule },
      'Schedule nightly skipped its run of 2026-11-24 02:00 UTC; nothing was bought for it. Its last batch still runs. See: `banana-batch schedule show nightly`',
    ],
  ])('reads for a person: %#', (event, text) => {
    expect(noticeText(event)).toBe(text);
  });

  it('is retried within seconds at first, and hourly at the end', () => {
    expect([1, 2, 3, 12, 13, 80].map(noticeRetryMs)).toEqual([
      1_000, 2_000, 4_000, 2_048_000, 3_600_000, 3_600_000,
    ]);
  });
});

const look = (change: Partial<BatchObservation> = {}): BatchObservation => ({
  holds: [],
  pauses: [],
  isAtWork: true,
  tally: { ...TALLY, inFlight: 3 },
  workers: 1,
  ...change,
});

describe('the watch over a batch', () => {
  const MINUTE = 60_000;
  const LIMITS = { holdToldAfterMs: MINUTE, stuckToldAfterMs: 30 * MINUTE, everyMs: MINUTE / 2 };
  const START = Date.parse(AT);
  /** The notices, with their minutes, for a batch that is in this state in each half minute. */
  const noticesOf = (
    minutes: number,
    lookAt: (minute: number) => BatchObservation,
  ): readonly [number, WatchNews['kind']][] => {
    let memory: WatchMemory | undefined;
    return Array.from({ length: minutes * 2 }, (_, half) => half / 2).flatMap((minute) => {
      const watched = watchBatch(memory, lookAt(minute), { ...LIMITS, nowMs: START + minute * MINUTE });
      memory = JSON.parse(JSON.stringify(watched.memory));
      return watched.news.map(({ kind }): [number, WatchNews['kind']] => [minute, kind]);
    });
  };
  const since = (minute: number): string => new Date(START + minute * MINUTE).toISOString();
  const heldIn = (isHeld: boolean, from: number): BatchObservation =>
    look({ holds: isHeld ? [{ ...hold, since: since(from) }] : [] });

  it('reports a hold once, after a minute, and each later hold', () => {
    expect(noticesOf(180, (minute) => heldIn(minute < 70 || minute >= 90, minute < 70 ? 0 : 90))).toEqual([
      [1, 'held'],
      [91, 'held'],
    ]);
  });

  it('reports a flapping scope at most every half hour, and short holds never', () => {
    expect(
      noticesOf(60, (minute) => heldIn(minute % 3 < 2, minute - (minute % 3))).filter(
        ([, kind]) => kind === 'held',
      ),
    ).toEqual([
      [1, 'held'],
      [31, 'held'],
    ]);
    const short = noticesOf(20, (minute) => heldIn(minute % 2 < 1, minute - (minute % 2)));
    expect(short).toEqual([]);
  });

  it('reports each pause of the batch once', () => {
    const pause = { kind: 'budget', message: 'Spent.' } as const;
    expect(
      noticesOf(20, (minute) => look({ pauses: [{ ...pause, since: since(minute < 10 ? 0 : 10) }] })),
    ).toEqual([
      [0, 'paused'],
      [10, 'paused'],
    ]);
  });

  it('reports a lack of progress once, and again only after progress', () => {
    expect(
      noticesOf(100, (minute) => look({ tally: { ...TALLY, stored: minute < 50 ? 480 : 481 } })),
    ).toEqual([
      [30, 'stuck'],
      [80, 'stuck'],
    ]);
  });

  it('reports none for slow jobs or a slow pace, for requested waits, and for time without checks', () => {
    expect(noticesOf(59, () => look({ usualMs: 30 * MINUTE }))).toEqual([]);
    expect(noticesOf(59, () => look({ turnMs: 30 * MINUTE }))).toEqual([]);
    expect(noticesOf(90, () => look({ isAtWork: false }))).toEqual([]);
    expect(noticesOf(90, (minute) => look({ isAtWork: minute % 2 === 0 }))).toEqual([]);
    const { memory } = watchBatch(undefined, look(), { ...LIMITS, nowMs: START });
    expect(watchBatch(memory, look(), { ...LIMITS, nowMs: START + 600 * MINUTE }).news).toEqual([]);
  });
});
