import { modeWith, rulesFor, type InputMode, type Model } from '../domain/rows/generation-settings.js';
import type { CreateGenerationRequest } from './client.js';

const FOLDERS: Readonly<Record<Model, string>> = { nb: '/nb', nb2: '/nb2', pro: '' };
const ENDPOINTS: Readonly<Record<InputMode, string>> = {
  text: '/text-generations',
  image: '/url-generations',
};

/** The path below the base URL and the JSON body of a create. Source: the API contract, "Models and endpoints". */
export function createEndpoint(request: CreateGenerationRequest): {
  readonly path: string;
  readonly body: Readonly<Record<string, string | readonly string[]>>;
} {
  const { prompt, model, aspectRatio, resolution, inputImageUrls, callbackUrl } = request;
  const mode = modeWith(inputImageUrls);
  return {
    path: `${FOLDERS[model]}${ENDPOINTS[mode]}`,
    body: {
      prompt,
      aspect_ratio: aspectRatio,
      ...(rulesFor(model, mode).sendsResolution && { resolution }),
      ...(mode === 'image' && { input_images_urls: inputImageUrls }),
      ...(callbackUrl !== undefined && { callback_url: callbackUrl }),
    },
  };
}
