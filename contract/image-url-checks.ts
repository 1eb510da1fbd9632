import type { EvidenceCheck } from './check.js';
import { overSamples } from './create-checks.js';
import { endOf, imageUrlOf } from './job-answer.js';
import { broken, HOLDS } from './verdict.js';

const cost = 'the images of the plan';

/** The URLs of images. None is ever printed: anybody who has one can download the image. */
export const IMAGE_URL_CHECKS: readonly EvidenceCheck[] = [
  {
    id: 'image-url.fresh',
    sentence: 'Each poll of a done job gives a new image URL.',
    section: 'Jobs',
    cost,
    look: (evidence) =>
      overSamples(evidence, 'another URL at each poll', ({ polls, sample }) => {
        const urls = polls.flatMap((poll) => imageUrlOf(poll) ?? []);
        if (urls.length < 2) return undefined;
        return new Set(urls).size === urls.length ? HOLDS : broken(sample.name, 'the same URL twice');
      }),
  },
  {
    id: 'image-url.origin',
    sentence: 'Images are on another host than the API.',
    section: 'Jobs',
    cost,
    look: (evidence) =>
      overSamples(evidence, 'another host than that of the API', ({ polls, sample }) => {
        const hosts = polls.flatMap((poll) => imageUrlOf(poll) ?? []).map((url) => new URL(url).origin);
        if (hosts.length === 0) return undefined;
        return hosts.includes(evidence.apiOrigin) ? broken(sample.name, 'the same host') : HOLDS;
      }),
  },
  {
    id: 'image-url.reached',
    sentence: 'A done job has an image that its URL alone opens.',
    section: 'Jobs',
    cost,
    look: (evidence) =>
      overSamples(evidence, '200', ({ polls, sample, image }) => {
        if (endOf(polls) !== 'done') return undefined;
        if (image?.status === 200) return HOLDS;
        return broken(sample.name, image === undefined ? 'no answer' : `${image.status}`);
      }),
  },
  {
    id: 'open.url-lifetime',
    sentence: 'For how long does an image URL say that it is valid (contract: 24 h)?',
    section: 'Jobs',
    cost,
    look: ({ samples }) => {
      const says = samples.flatMap(({ polls }) => {
        const url = polls.flatMap((poll) => imageUrlOf(poll) ?? []).at(-1);
        if (url === undefined) return [];
        const seconds = new URL(url).searchParams.get('X-Amz-Expires');
        return [seconds === null ? 'it does not say' : `X-Amz-Expires says ${seconds} seconds`];
      });
      if (says.length === 0) return { kind: 'skipped', why: 'no image was made' };
      return { kind: 'finding', says: [...new Set(says)].join(', ') };
    },
  },
  {
    id: 'open.unsigned-url',
    sentence: 'What does the image host answer without the signature (contract, if expired: 403 with XML)?',
    section: 'Result images',
    cost,
    look: ({ samples }) => {
      const unsigned = samples.flatMap(({ unsigned }) => unsigned ?? []);
      if (unsigned.length === 0) return { kind: 'skipped', why: 'no image was made' };
      const says = unsigned.map(({ status, headers }) => `${status} ${headers['content-type'] ?? ''}`.trim());
      return { kind: 'finding', says: [...new Set(says)].join(', ') };
    },
  },
];
