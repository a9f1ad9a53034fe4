"""What an ``s.yaml`` says, as Serverless Devs reads it. Knows neither the real cloud nor the local one."""
