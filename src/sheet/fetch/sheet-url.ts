import path from 'node:path';
import contentDisposition from 'content-disposition';

/** What has the name of a sheet, packed or not. */
const SHEET_NAME = /[^/]\.(?:csv|tsv|tab|txt|jsonl|ndjson|json)(?:\.gz)?$/i;

/**
 * The address at which a Google Sheet that a person looks at is given out as CSV: the page's sheet, else the first
 * one. Undefined for any other address, an export link among them.
 */
export function googleSheetsExport(page: URL): URL | undefined {
  if (page.hostname !== 'docs.google.com') return undefined;
  const [, published, key, view = ''] =
    /^\/(?:a\/[^/]+\/)?spreadsheets\/(?:u\/\d+\/)?d\/(e\/)?([\w-]+)(?:\/(\w*))?\/?$/.exec(page.pathname) ??
    [];
  if (key === undefined || !/^(?:|edit|view|preview|copy|htmlview|pubhtml)$/.test(view)) return undefined;
  const exported = new URL(
    published ? `/spreadsheets/d/e/${key}/pub?output=csv` : `/spreadsheets/d/${key}/export?format=csv`,
    page.origin,
  );
  const gid = /^#gid=(\d+)/.exec(page.hash)?.[1] ?? page.searchParams.get('gid');
  const resourceKey = page.searchParams.get('resourcekey');
  if (gid) exported.searchParams.set('gid', gid);
  if (gid && published) exported.searchParams.set('single', 'true');
  if (resourceKey) exported.searchParams.set('resourcekey', resourceKey);
  return exported;
}

/** Whether an address looks like a page at which people sign in. */
export function isSignInPage({ hostname, pathname }: URL): boolean {
  return (
    /^(?:accounts\.google|login\.(?:microsoftonline|live))\.com$/.test(hostname) ||
    /(?:^|[/._-])(?:log-?_?in|sign-?_?in|service-?login|sso|saml2?|oauth2?|authorize)(?:$|[/._-])/i.test(
      pathname,
    )
  );
}

/**
 * The file name of a downloaded sheet: what the server calls it, else the end of the first of its addresses that looks
 * like the name of a sheet; undefined where there is none.
 */
export function downloadedName(
  disposition: string | undefined,
  addresses: readonly URL[],
): string | undefined {
  const given = dispositionName(disposition);
  if (given !== undefined) return given;
  return addresses.map(({ pathname }) => lastSegment(pathname)).find((name) => SHEET_NAME.test(name));
}

function dispositionName(disposition: string | undefined): string | undefined {
  if (disposition === undefined) return undefined;
  try {
    const { filename = '' } = contentDisposition.parse(disposition).parameters;
    const name = path.posix
      .basename(filename.replaceAll('\\', '/'))
      .replaceAll(/\p{Cc}/gu, '')
      .trim();
    return name === '' ? undefined : name;
  } catch {
    return undefined;
  }
}

function lastSegment(pathname: string): string {
  const segment = path.posix.basename(pathname);
  try {
    return path.posix.basename(decodeURIComponent(segment)).replaceAll(/\p{Cc}/gu, '');
  } catch {
    return segment;
  }
}
