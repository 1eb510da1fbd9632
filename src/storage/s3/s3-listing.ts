import { ListObjectsV2Command, type ListObjectsV2CommandOutput, type S3Client } from '@aws-sdk/client-s3';
import { StorageError } from '../object-store.js';
import { attemptS3, sendOptions } from './s3-error.js';

/** Maximum number of consecutive empty pages. Stores with many deleted versions return some. */
const MOST_EMPTY_PAGES = 100;

/** What to list; with a delimiter also the folders. */
export interface Listing {
  readonly bucket: string;
  readonly prefix: string;
  readonly delimiter?: string;
}

/**
 * All pages of a listing, which is complete or fails: throws a StorageError if the server says that there is more but
 * not how to continue, or repeats a page or a continuation token.
 */
export async function* listPages(
  client: S3Client,
  listing: Listing,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListObjectsV2CommandOutput> {
  const { bucket, prefix, delimiter } = listing;
  const checks = new ListingChecks(listing);
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: prefix,
      ...(delimiter === undefined ? {} : { Delimiter: delimiter }),
      ...(token === undefined ? {} : { ContinuationToken: token }),
    });
    const page = await attemptS3({ action: 'list', bucket, key: prefix }, signal, () =>
      client.send(command, sendOptions(signal)),
    );
    // Before the page is yielded: duplicates would be counted twice.
    token = checks.nextToken(page);
    yield page;
  } while (token !== undefined);
}

/** Remembers the pages of one listing to recognise a repeated one. */
class ListingChecks {
  readonly #listing: Listing;
  readonly #tokens = new Set<string>();
  readonly #firstNames = new Set<string>();
  #pages = 0;
  #emptyPages = 0;

  constructor(listing: Listing) {
    this.#listing = listing;
  }

  /** The token of the page after this one; undefined after the last. */
  nextToken(page: ListObjectsV2CommandOutput): string | undefined {
    this.#pages += 1;
    const first = page.Contents?.[0]?.Key ?? page.CommonPrefixes?.[0]?.Prefix;
    if (first === undefined) {
      this.#emptyPages += 1;
      if (this.#emptyPages > MOST_EMPTY_PAGES)
        throw this.#failure(`${MOST_EMPTY_PAGES} pages in a row were empty`);
    } else {
      if (this.#firstNames.has(first)) throw this.#failure('it is the same as an earlier page');
      this.#firstNames.add(first);
      this.#emptyPages = 0;
    }
    const token = page.NextContinuationToken || undefined;
    const hasMore = page.IsTruncated ?? token !== undefined;
    if (!hasMore) return undefined;
    if (token === undefined)
      throw this.#failure('the server says that there is more, but gives no continuation token');
    if (this.#tokens.has(token)) throw this.#failure('its continuation token was given before');
    this.#tokens.add(token);
    return token;
  }

  #failure(what: string): StorageError {
    const { bucket, prefix } = this.#listing;
    return new StorageError(
      'other',
      { bucket, key: prefix },
      `list s3://${bucket}/${prefix} failed at page ${this.#pages}: ${what}. The server's listings (ListObjectsV2) are incomplete: update it, or use another S3 server.`,
    );
  }
}
