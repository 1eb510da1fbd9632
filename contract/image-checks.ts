import type { EvidenceCheck } from './check.js';
import { overSamples } from './create-checks.js';
import type { Evidence, ImageAnswer, SampleEvidence } from './evidence.js';
import { imageTypeOf } from './image-type.js';
import { broken, HOLDS, type Outcome, type Verdict } from './verdict.js';

const cost = 'the images of the plan';
const section = 'Result images';
const RATIO_MAY_BE_OFF_BY = 0.06;
/** Pixels at 1K; 2K and 4K have four and sixteen times as many. The limits are half the distance to the next step. */
const PIXELS_AT_1K = 1024 * 1024;

function withImage(
  evidence: Evidence,
  expected: string,
  look: (image: ImageAnswer, sample: SampleEvidence) => string | undefined,
): Verdict {
  return overSamples(evidence, expected, (sample): Outcome | undefined => {
    if (sample.image === undefined) return undefined;
    const problem = look(sample.image, sample);
    return problem === undefined ? HOLDS : broken(sample.sample.name, problem);
  });
}

/** The images themselves. */
export const IMAGE_CHECKS: readonly EvidenceCheck[] = [
  {
    id: 'image.whole',
    sentence: 'The image is as long as its Content-Length, and can be decoded to the last pixel.',
    section,
    cost,
    look: (evidence) =>
      withImage(evidence, 'a whole image', ({ status, headers, bytes, cut, pixels }) => {
        if (status !== 200) return undefined;
        const length = headers['content-length'];
        if (cut || (length !== undefined && Number(length) !== bytes.length))
          return `${bytes.length} of ${length ?? 'some'} bytes`;
        return pixels === undefined ? `${bytes.length} bytes that cannot be decoded` : undefined;
      }),
  },
  {
    id: 'image.type',
    sentence: 'The image is PNG, JPEG or WebP by its bytes.',
    section,
    cost,
    look: (evidence) =>
      withImage(evidence, 'PNG, JPEG or WebP', ({ status, bytes }) =>
        status !== 200 || imageTypeOf(bytes) !== undefined
          ? undefined
          : `it starts with ${bytes.subarray(0, 8).toString('hex')}`,
      ),
  },
  {
    id: 'image.ratio',
    sentence: 'The image has the requested aspect ratio.',
    section: 'Models and endpoints',
    cost,
    look: (evidence) =>
      withImage(evidence, 'the ratio, at most 6 % off', ({ pixels }, { sample }) => {
        const wanted = sample.aspectRatio === 'auto' ? evidence.inputSize : sizeOf(sample.aspectRatio);
        if (pixels === undefined || wanted === undefined) return undefined;
        const off = (pixels.width * wanted.height) / (pixels.height * wanted.width);
        const near = Math.max(off, 1 / off) <= 1 + RATIO_MAY_BE_OFF_BY;
        return near ? undefined : `${pixels.width} × ${pixels.height}`;
      }),
  },
  {
    id: 'image.resolution',
    sentence: 'The image has about 1, 4 or 16 megapixels at 1K, 2K and 4K.',
    section: 'Models and endpoints',
    cost,
    look: (evidence) =>
      withImage(evidence, 'half to twice the pixels of its resolution', ({ pixels }, { sample }) => {
        if (pixels === undefined) return undefined;
        const share =
          (pixels.width * pixels.height) / (PIXELS_AT_1K * Number.parseInt(sample.resolution, 10) ** 2);
        return share > 0.5 && share < 2 ? undefined : `${pixels.width} × ${pixels.height}`;
      }),
  },
  {
    id: 'open.image-kinds',
    sentence: 'Type, Content-Type, size and dimensions of images (contract: 0.3–15 MB).',
    section,
    cost,
    look: ({ samples }) => {
      const says = samples.flatMap(({ image, sample }) => {
        if (image === undefined) return [];
        const { bytes, headers, pixels } = image;
        const size = pixels === undefined ? '' : `, ${pixels.width} × ${pixels.height}`;
        const megabytes = (bytes.length / 1_000_000).toFixed(2);
        const type = `${imageTypeOf(bytes) ?? 'not an image'} as ${headers['content-type'] ?? 'nothing'}`;
        return [`${sample.name}: ${type}, ${megabytes} MB${size}`];
      });
      if (says.length === 0) return { kind: 'skipped', why: 'no image was made' };
      return { kind: 'finding', says: says.join('; ') };
    },
  },
];

/** A ratio as a size; undefined if it is not a pair of numbers. */
function sizeOf(aspectRatio: string): { readonly width: number; readonly height: number } | undefined {
  const [, width, height] = /^(\d+):(\d+)$/.exec(aspectRatio) ?? [];
  return width === undefined ? undefined : { width: Number(width), height: Number(height) };
}
