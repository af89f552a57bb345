export const echo = (text: string) => `RPC ${text}!`;
