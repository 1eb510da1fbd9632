import {
  ACCOUNT_KEY,
  bodies,
  isBalance,
  isCreate,
  isJob,
  statuses,
  textOf,
  type BrokenContract,
} from '../contract-changes.js';

/** Servers that accept, refuse or answer a create wrongly, or need no key. */
export const BROKEN_CREATES: Readonly<Record<string, BrokenContract>> = {
  'reads without a key are answered': {
    fails: ['auth.reads'],
    change: () => ({
      request: (request) =>
        isBalance(request) ? { headers: { ...request.headers, authorization: `Bearer ${ACCOUNT_KEY}` } } : {},
    }),
  },
  'creates without a key are forbidden': { fails: ['auth.creates'], change: statuses(isCreate, 401, 403) },
  'unknown jobs are gone': { fails: ['jobs.unknown'], change: statuses(isJob, 404, 410) },
  'an endpoint is missing': {
    fails: ['models.endpoints'],
    change: () => ({
      request: (request) => (request.path.includes('/nb2/url') ? { path: '/api/v1/nothing' } : {}),
    }),
  },
  'an empty prompt is taken': {
    fails: ['prompt.required'],
    change: bodies(({ prompt }) => (prompt === '' ? { prompt: 'x' } : {})),
    maxImages: 3,
  },
  'null bytes are refused': {
    fails: ['prompt.null-bytes'],
    change: bodies(({ prompt }) => (textOf(prompt).includes('\0 y') ? { prompt: 7 } : {})),
  },
  'an aspect ratio is made up': {
    fails: ['aspect-ratio.required'],
    change: bodies(({ aspect_ratio, prompt }) =>
      aspect_ratio === undefined && !textOf(prompt).includes('\0') ? { aspect_ratio: '1:1' } : {},
    ),
    maxImages: 4,
  },
  'an aspect ratio is not known': {
    fails: ['aspect-ratio.taken'],
    change: bodies(({ aspect_ratio }) => (aspect_ratio === '21:9' ? { aspect_ratio: '22:9' } : {})),
  },
  'NanoBanana takes long ratios': {
    fails: ['aspect-ratio.refused'],
    change: bodies(({ aspect_ratio }, path) =>
      path.includes('/nb/') && aspect_ratio === '1:8' ? { aspect_ratio: '1:1' } : {},
    ),
  },
  'NanoBanana takes a resolution': {
    fails: ['resolution.nb'],
    change: bodies((_, path) => (path.includes('/nb/') ? { resolution: undefined } : {})),
  },
  'a resolution is made up': {
    fails: ['resolution.required'],
    change: bodies(({ resolution }, path) =>
      path.includes('/nb/') || resolution !== undefined ? {} : { resolution: '1K' },
    ),
  },
  'a large resolution is taken': {
    fails: ['resolution.refused'],
    change: bodies(({ resolution }) => (resolution === 'large' ? { resolution: '1K' } : {})),
  },
  '4K is not known': {
    fails: ['resolution.taken'],
    change: bodies(({ resolution }) => (resolution === '4K' ? { resolution: '5K' } : {})),
  },
  'more than 14 input images are taken': {
    fails: ['input-images.count'],
    change: bodies(({ input_images_urls: urls }) =>
      Array.isArray(urls) ? { input_images_urls: urls.slice(0, 14) } : {},
    ),
    withInput: true,
    maxImages: 3,
  },
  '14 input images are too many': {
    fails: ['input-images.taken'],
    change: bodies(({ input_images_urls: urls }) =>
      Array.isArray(urls) ? { input_images_urls: [...urls, ...urls.slice(1, 2)] } : {},
    ),
  },
  'an input image may be anything': {
    fails: ['input-images.scheme'],
    change: ({ input }) =>
      bodies(({ input_images_urls: urls }) =>
        Array.isArray(urls) && urls.includes('no url') ? { input_images_urls: [input] } : {},
      )(),
    withInput: true,
  },
  'unreachable input images do not matter': {
    fails: ['input-images.unreachable'],
    change: ({ input }) =>
      bodies(({ input_images_urls: urls }) =>
        Array.isArray(urls) && urls.length === 1 && `${urls[0]}`.includes('.invalid/input')
          ? { input_images_urls: [input] }
          : {},
      )(),
  },
};
