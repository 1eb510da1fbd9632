import { collectOutcomes } from './collect-outcomes.js';
import { shown, type RequestCheck, type Probe } from './check.js';
import { aspectRatiosOf, goodBody, RESOLUTIONS, UNREACHABLE_IMAGE, type Endpoint } from './endpoints.js';
import { isRefused, isValueAccepted, type FieldValue } from './refusals.js';
import { broken, HOLDS, verdictOf, type Outcome, type Verdict } from './verdict.js';

const section = 'Models and endpoints';
const cost = 'nothing if it holds';

type Cases = (endpoint: Endpoint) => readonly FieldValue[];

/** A rule whose values are refused, or accepted, by each endpoint. */
async function each(
  probe: Probe,
  expected: string,
  look: (probe: Probe, endpoint: Endpoint, value: FieldValue) => Promise<Outcome>,
  cases: Cases,
): Promise<Verdict> {
  const all = probe.endpoints.flatMap((endpoint) => cases(endpoint).map((value) => ({ endpoint, value })));
  const outcomes = await collectOutcomes(probe.creates, all, ({ endpoint, value }) =>
    look(probe, endpoint, value),
  );
  return verdictOf(expected, outcomes, 'case', 'the key may not use any endpoint that has this field');
}

function refused(id: string, sentence: string, cases: Cases): RequestCheck {
  const ask = (probe: Probe) => each(probe, '422 that names the field', isRefused, cases);
  return { id, sentence, section, cost, ask };
}

function accepted(id: string, sentence: string, cases: Cases): RequestCheck {
  const expected = '422 that names only the other, missing field';
  return {
    id,
    sentence,
    section,
    cost: 'nothing',
    ask: (probe) => each(probe, expected, isValueAccepted, cases),
  };
}

function valuesOf(field: string, ...values: readonly unknown[]): readonly FieldValue[] {
  return values.map((value) => ({ field, value }));
}

const images = (count: number) => Array.from({ length: count }, () => UNREACHABLE_IMAGE);
const inputs = (...values: readonly unknown[]) => valuesOf('input_images_urls', ...values);
const ofImageMode =
  (cases: readonly FieldValue[]): Cases =>
  ({ mode }) =>
    mode === 'image' ? cases : [];

/** What the fields of a create may contain. */
export const CREATE_BODY_CHECKS: readonly RequestCheck[] = [
  refused('prompt.required', 'A prompt of at least one character is required.', () =>
    valuesOf('prompt', undefined, ''),
  ),
  accepted('prompt.null-bytes', 'A prompt with null bytes is accepted: they are stripped.', () =>
    valuesOf('prompt', 'a small \0 yellow bird'),
  ),
  refused('aspect-ratio.required', 'An aspect ratio is required.', () => valuesOf('aspect_ratio', undefined)),
  accepted('aspect-ratio.taken', "Each model and mode accepts the contract's aspect ratios.", (endpoint) =>
    valuesOf('aspect_ratio', ...aspectRatiosOf(endpoint).accepted),
  ),
  refused('aspect-ratio.refused', 'Aspect ratios of other models or modes are refused.', (endpoint) =>
    valuesOf('aspect_ratio', ...aspectRatiosOf(endpoint).refused, '7:5'),
  ),
  refused('resolution.nb', 'NanoBanana refuses a resolution.', ({ model }) =>
    model === 'nb' ? valuesOf('resolution', '1K') : [],
  ),
  refused('resolution.required', 'NanoBanana 2 and Pro require a resolution.', ({ model }) =>
    model === 'nb' ? [] : valuesOf('resolution', undefined),
  ),
  refused('resolution.refused', 'A resolution other than 1K, 2K and 4K is refused.', ({ model }) =>
    model === 'nb' ? [] : valuesOf('resolution', '8K', 'large'),
  ),
  accepted('resolution.taken', 'NanoBanana 2 and Pro accept 1K, 2K and 4K.', ({ model }) =>
    model === 'nb' ? [] : valuesOf('resolution', ...RESOLUTIONS),
  ),
  refused(
    'input-images.count',
    'Image to image requires 1–14 input images.',
    ofImageMode(inputs(undefined, [], images(15))),
  ),
  accepted(
    'input-images.taken',
    'Image to image accepts 1 and 14 input images.',
    ofImageMode(inputs(images(1), images(14))),
  ),
  refused(
    'input-images.scheme',
    'An input image that is not an http(s) URL is refused.',
    ofImageMode(inputs(['ftp://banana-batch.invalid/a.png'], ['no url'])),
  ),
  {
    id: 'input-images.unreachable',
    sentence: 'An input image that cannot be fetched is refused with 422.',
    section: 'Errors',
    cost,
    async ask(probe) {
      const endpoint = probe.endpoints.find(({ mode }) => mode === 'image');
      if (endpoint === undefined) return { kind: 'skipped', why: 'the key may not use image to image' };
      if (!probe.mayRisk) {
        const why = 'a server that does not check would make an image';
        return { kind: 'skipped', why, enable: 'without --only free' };
      }
      const purpose = `${endpoint.path} with an unreachable input image`;
      const answer = await probe.creates.send(endpoint, goodBody(endpoint), { purpose });
      return verdictOf('422', [answer.status === 422 ? HOLDS : broken(purpose, shown(answer))]);
    },
  },
  {
    id: 'body.json',
    sentence: 'A body that is not JSON is refused with 422.',
    section: 'Errors',
    cost: 'nothing',
    async ask({ endpoints: [endpoint], creates }) {
      if (endpoint === undefined) return { kind: 'skipped', why: 'the key may not use any endpoint' };
      const answer = await creates.send(endpoint, '{"prompt": ', { purpose: 'a broken body' });
      return verdictOf('422', [answer.status === 422 ? HOLDS : broken(endpoint.path, shown(answer))]);
    },
  },
];
