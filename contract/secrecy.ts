/** Makes texts safe to print: URLs lose their query, fragment and user, and the key is removed. */
export function secretKeeper(key: string): (text: string) => string {
  return (text) =>
    (key === '' ? text : text.replaceAll(key, '[key]'))
      .replaceAll(/(https?:\/\/)[^\s/?#"'<>]*@/gi, '$1')
      .replaceAll(/(https?:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/gi, '$1');
}
