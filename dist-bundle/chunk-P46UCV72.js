import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import{prettyMilliseconds}from"./chunk-LLDFA7EK.js";function ago(iso,nowMs){let elapsedMs=nowMs-Date.parse(iso);return elapsedMs<1e3?"now":`${prettyMilliseconds(elapsedMs,{compact:!0})} ago`}function minuteOf(iso){return`${new Date(iso).toISOString().slice(0,16).replace("T"," ")}Z`}export{ago,minuteOf};
