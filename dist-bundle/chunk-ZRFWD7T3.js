import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import{once}from"node:events";async function writeText(stream,text){stream.write(text)||await once(stream,"drain")}export{writeText};
