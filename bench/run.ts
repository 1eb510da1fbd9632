/**
 * `npm run bench`: a batch from sheet to final report; `-- export`: exports, `--images` and `--bytes` each; `-- api`:
 * polls and creates; `-- webhooks`: polls per image; `-- images`: the cost of copying and checking an image.
 */
// Warnings about Node versions are not relevant here.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const [what = 'main-job', ...args] = process.argv.slice(2);
switch (what) {
  case 'main-job':
    await (await import('./main-job.js')).benchMainJob();
    break;
  case 'export':
    await (await import('./export.js')).benchExport(args);
    break;
  case 'api':
    await (await import('./api.js')).benchApi(args);
    break;
  case 'webhooks':
    await (await import('./webhooks.js')).benchWebhooks(args);
    break;
  case 'images':
    await (await import('./images.js')).benchImages();
    break;
  default:
    throw new Error(`There is no benchmark "${what}": expected main-job, export, api, webhooks or images.`);
}
