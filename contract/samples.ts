import { endpointOf, type Endpoint } from './endpoints.js';

/** An image that the suite plans to buy. */
export interface Sample {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly aspectRatio: string;
  /** Always 1K for NanoBanana, and then not sent. */
  readonly resolution: '1K' | '2K' | '4K';
  /** Default: a harmless one. */
  readonly prompt?: string;
}

function sampleOf(
  model: Endpoint['model'],
  mode: Endpoint['mode'],
  aspectRatio: string,
  resolution: Sample['resolution'],
  prompt?: string,
): Sample {
  const name = `${model} by ${mode}, ${aspectRatio}, ${resolution}`;
  const endpoint = endpointOf(model, mode);
  if (prompt === undefined) return { name, endpoint, aspectRatio, resolution };
  return { name: `${name}, with the failing prompt`, endpoint, aspectRatio, resolution, prompt };
}

export interface SampleOptions {
  readonly maxImages: number;
  readonly inputImage?: string | undefined;
  readonly failingPrompt?: string | undefined;
}

/** A sample that is not bought, and the option that enables it. */
export interface LeftOut {
  readonly sample: Sample;
  readonly enable: string;
}

/**
 * The images to buy, the most informative first, and those left out: at most `maxImages`. The first one also answers
 * the questions that any image can answer: replays, charges, webhooks.
 */
export function planSamples({ maxImages, inputImage, failingPrompt }: SampleOptions): {
  readonly planned: readonly Sample[];
  readonly leftOut: readonly LeftOut[];
} {
  const auto = sampleOf('nb2', 'image', 'auto', '1K');
  const others = [sampleOf('pro', 'image', '3:4', '1K'), sampleOf('nb', 'image', '4:3', '1K')];
  const wanted = [
    sampleOf('nb', 'text', '3:2', '1K'),
    ...(inputImage === undefined ? [] : [auto]),
    ...(failingPrompt === undefined ? [] : [sampleOf('nb', 'text', '1:1', '1K', failingPrompt)]),
    sampleOf('pro', 'text', '4:1', '1K'),
    sampleOf('nb2', 'text', '9:16', '2K'),
    ...(inputImage === undefined ? [] : others),
    sampleOf('pro', 'text', '1:1', '4K'),
  ];
  const without = inputImage === undefined ? [auto, ...others] : [];
  return {
    planned: wanted.slice(0, maxImages),
    leftOut: [
      ...wanted.slice(maxImages).map((sample, index) => ({
        sample,
        enable: `--max-images ${maxImages + index + 1}`,
      })),
      ...without.map((sample) => ({ sample, enable: '--input-image' })),
    ],
  };
}
