package stories

func closeChromium() {}
