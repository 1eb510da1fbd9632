// Command rclone is rclone with S3 and copyurl alone: the peer of `npm run bench -- copy`. Built whole it takes
// several minutes.
package main

import (
	_ "github.com/rclone/rclone/backend/s3"
	"github.com/rclone/rclone/cmd"
	_ "github.com/rclone/rclone/cmd/copyurl"
)

func main() {
	cmd.Main()
}
