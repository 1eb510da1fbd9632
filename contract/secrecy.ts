/** Makes texts fit to be shown: no URL keeps its query, fragment or user, and the key is nowhere in them. */
export function secretKeeper(key: string): (text: string) => string {
  return (text) =>
    (key === '' ? text : text.replaceAll(key, '[key]'))
      .replaceAll(/(https?:\/\/)[^\s/?#"'<>]*@/gi, '$1')
      .replaceAll(/(https?:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/gi, '$1');
}
