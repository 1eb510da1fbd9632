import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
var EXIT={ok:0,incomplete:1,refused:2,interrupted:130};export{EXIT};
