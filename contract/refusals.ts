import { shown, type Probe } from './check.js';
import { goodBody, UNREACHABLE_IMAGE, without, type Body, type Endpoint } from './endpoints.js';
import { errorShapeOf, fieldsNamed } from './error-shapes.js';
import type { Answer } from './service.js';
import { broken, HOLDS, type Outcome } from './verdict.js';

/** One field's value in an otherwise valid body; `undefined` leaves the field out. */
export interface FieldValue {
  readonly field: string;
  readonly value: unknown;
}

const ONLY_ALONE = {
  kind: 'undecided',
  why: 'the answer to a body with two faults names only the other fault, and sending this one alone might buy an image',
  enable: 'without --only free',
} as const;

/**
 * Whether an endpoint refuses a value. It is first sent together with a second fault, so that no server makes a job of
 * it, and the answer must name its field. Only if it does not, the value is sent alone, if `mayRisk`.
 */
export async function isRefused(probe: Probe, endpoint: Endpoint, value: FieldValue): Promise<Outcome> {
  const what = caseText(endpoint, value);
  const twice = await sendWithFault(probe, endpoint, value);
  if (twice.status === 403) return { kind: 'undecided', why: `the key may not use ${endpoint.path}` };
  if (twice.status !== 422) return broken(what, shown(twice));
  if (fieldsNamed(twice.json).has(value.field)) return HOLDS;
  if (!probe.mayRisk) return ONLY_ALONE;
  if (endpoint.mode === 'image' && probe.inputImage === undefined) {
    return {
      ...ONLY_ALONE,
      why: 'an unreachable input image would be refused first',
      enable: 'with --input-image',
    };
  }
  const inputs = probe.inputImage === undefined ? [] : [probe.inputImage];
  const body = withValue(goodBody(endpoint, inputs), { ...value, value: withReachable(value.value, inputs) });
  const alone = await probe.creates.send(endpoint, body, { purpose: what });
  return alone.status === 422 ? HOLDS : broken(what, shown(alone));
}

/**
 * Whether an endpoint accepts a value, found out for free: sent together with a fault, the answer must not name its
 * field.
 */
export async function isValueAccepted(probe: Probe, endpoint: Endpoint, value: FieldValue): Promise<Outcome> {
  const what = caseText(endpoint, value);
  const twice = await sendWithFault(probe, endpoint, value);
  if (twice.status === 403) return { kind: 'undecided', why: `the key may not use ${endpoint.path}` };
  const named = fieldsNamed(twice.json);
  if (twice.status !== 422 || named.has(value.field)) return broken(what, shown(twice));
  if (errorShapeOf(twice.json) === 'list' && named.size > 0) return HOLDS;
  return { kind: 'undecided', why: 'the answer does not list every fault of the body' };
}

function sendWithFault(probe: Probe, endpoint: Endpoint, value: FieldValue): Promise<Answer> {
  const fault = value.field === 'prompt' ? 'aspect_ratio' : 'prompt';
  const body = without(withValue(goodBody(endpoint), value), fault);
  const purpose = `${caseText(endpoint, value)}, without ${fault}`;
  return probe.creates.send(endpoint, body, { purpose });
}

/** A list of input images with one that can be fetched for each that cannot. */
function withReachable(value: unknown, inputs: readonly string[]): unknown {
  if (!Array.isArray(value)) return value;
  return value.map((url: unknown) => (url === UNREACHABLE_IMAGE ? (inputs[0] ?? url) : url));
}

function withValue(body: Body, { field, value }: FieldValue): Body {
  return value === undefined ? without(body, field) : { ...body, [field]: value };
}

function caseText({ path }: Endpoint, { field, value }: FieldValue): string {
  const text = JSON.stringify(value) ?? 'missing';
  return `${path} with ${field} ${text.length > 40 ? `${text.slice(0, 39)}…` : text}`;
}
