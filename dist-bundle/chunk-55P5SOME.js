import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
var EmbeddedError=class extends Error{name="EmbeddedError";code;constructor(code,message,options){super(message,options),this.code=code}};export{EmbeddedError};
