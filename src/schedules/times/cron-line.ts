import { Cron } from 'croner';

/** A cron line that Temporal reads like every other cron, or a sentence for users on why it is refused. */
export type CronLine =
  | { readonly kind: 'cron'; readonly cron: string }
  | { readonly kind: 'problem'; readonly problem: string };

/** Source: Temporal's own short forms, expanded, since croner and cronstrue may read them differently. */
const SHORT_FORMS: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

const FIELDS = [
  { name: 'minute', allowed: '0–59' },
  { name: 'hour', allowed: '0–23' },
  { name: 'day of the month', allowed: '1–31' },
  { name: 'month', allowed: '1–12 or jan–dec' },
  { name: 'day of the week', allowed: '0–7 (0 and 7 are Sunday) or sun–sat' },
] as const;

/** Lists, ranges, steps, numbers and names. Temporal refuses `?`, `L` and `W`, and takes `#` for the start of a comment. */
const PART = /^(?:\*|\d{1,2}|[a-z]{3})(?:-(?:\d{1,2}|[a-z]{3}))?(?:\/\d{1,2})?$/i;

/**
 * Five fields, or one of cron's short forms such as `@daily`; the result always has five fields with single spaces
 * between. Refuses what Temporal reads differently than cron: seconds and years, a zone in front, a comment, and days
 * of the month together with days of the week.
 */
export function parseCronLine(text: string): CronLine {
  const given = text.trim();
  if (/^(?:CRON_)?TZ=/i.test(given)) return problem('set the time zone with --timezone');
  if (/^@every\b/i.test(given)) return problem('set an interval with --every');
  const line = given.startsWith('@') ? SHORT_FORMS[given.toLowerCase()] : given;
  if (line === undefined) {
    return problem(
      `there is no shorthand ${given.slice(0, 20)}: expected ${Object.keys(SHORT_FORMS).join(', ')}`,
    );
  }
  const fields = line.split(/\s+/);
  if (fields.length !== FIELDS.length || given === '') {
    return problem(
      `it has ${given === '' ? 0 : fields.length} fields, but five are expected: minute, hour, day of the month, month, day of the week, such as "0 2 * * *"`,
    );
  }
  for (const [index, { name, allowed }] of FIELDS.entries()) {
    const field = fields[index] ?? '';
    if (!isField(field, index)) {
      return problem(
        `"${field.slice(0, 40)}" is not a valid ${name}: expected ${allowed}, as lists (1,3), ranges (1-5) or steps (*/2, 1-9/2)`,
      );
    }
  }
  if (fields[2] !== '*' && fields[4] !== '*') {
    return problem(
      'it names days of the month and days of the week: cron fires when either fits, Temporal only when both do. Use one of them, and create a second schedule for the other',
    );
  }
  const cron = fields.join(' ');
  if (!new Cron(cron, UTC).nextRun()) return problem('that day does not exist');
  return { kind: 'cron', cron };
}

/** How croner reads a line that `parseCronLine` has accepted. */
const UTC = { mode: '5-part', timezone: 'UTC' } as const;

function isField(field: string, index: number): boolean {
  if (!field.split(',').every((part) => PART.test(part))) return false;
  try {
    // Each field alone, to name the faulty one.
    const alone = FIELDS.map((_, other) => (other === index ? field : '*')).join(' ');
    return new Cron(alone, UTC).getPattern() !== undefined;
  } catch {
    return false;
  }
}

function problem(text: string): CronLine {
  return { kind: 'problem', problem: text };
}
