import { ApplicationFailure } from '@temporalio/common';
import { BananaHubError } from '../bananahub/errors.js';
import { ImageDownloadError } from '../bananahub/image-download-error.js';

/** The same activity, whose failures say nothing in the words of the service or of the image host: they enter history. */
export function speechless<Input, Result>(
  activity: (input: Input) => Promise<Result>,
): (input: Input) => Promise<Result> {
  return async (input) => {
    try {
      return await activity(input);
    } catch (error) {
      if (!(error instanceof BananaHubError) && !(error instanceof ImageDownloadError)) throw error;
      const { name, code, status } = error;
      const answered = status === undefined ? '' : `, status ${status}`;
      throw ApplicationFailure.create({ type: name, message: `A request failed: ${code}${answered}.` });
    }
  };
}
