import { shown, type EvidenceCheck } from './check.js';
import { overSamples } from './create-checks.js';
import { endOf } from './job-answer.js';
import { broken, HOLDS } from './verdict.js';

/** Image to image. The aspect ratio of `auto` is checked with the other images. */
export const INPUT_IMAGE_CHECKS: readonly EvidenceCheck[] = [
  {
    id: 'input-images.made',
    sentence: 'An image is made from an input image that the service can fetch.',
    section: 'Models and endpoints',
    cost: 'the images of the plan',
    look: (evidence) => {
      if (evidence.inputImage === undefined) {
        return { kind: 'skipped', why: 'no input image was given', enable: 'with --input-image' };
      }
      return overSamples(evidence, '202, then done', ({ sample, create, polls }) => {
        if (sample.endpoint.mode !== 'image' || create.status === 402 || create.status === 403)
          return undefined;
        if (create.status !== 202) return broken(sample.name, shown(create));
        const last = polls.at(-1);
        return endOf(polls) === 'failed' && last !== undefined ? broken(sample.name, shown(last)) : HOLDS;
      });
    },
  },
];
