import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
var BananaHubError=class extends Error{name="BananaHubError";code;status;retryAfterMs;constructor(code,message,options={}){super(message,options.cause===void 0?void 0:{cause:options.cause}),this.code=code,this.status=options.status,this.retryAfterMs=options.retryAfterMs}};export{BananaHubError};
