/** `npm run bench`: a batch from sheet to seal; `-- export`: exports, `--images` and `--bytes` each; `-- api`: polls and creates; `-- webhooks`: polls an image; `-- images`: what a copy and its check cost. */
// News about Node versions is not what a bench is run for.
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
    throw new Error(`There is no bench "${what}": main-job, export, api, webhooks or images.`);
}
